package dev.hivemind.launcher.options;

import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Names of options that people know from hivemind for Python, and underscores for dashes. They work wherever the option
 * exists that they stand for, and no help text shows them.
 */
public final class Aliases {

    private static final Map<String, String> OTHER_WORDS = Map.of(
            "expert-cls", "expert-class",
            "uid-space", "expert-pattern",
            "host-maddrs", "listen-on",
            "announce-maddrs", "announce",
            "update-period", "announce-period",
            "stats-report-interval", "status-period");

    private Aliases() {}

    /** The arguments with every such name replaced by the one that some command below the root knows. */
    public static String[] replaceIn(String[] arguments, CommandSpec root) {
        String[] replaced = arguments.clone();
        int end = Arrays.asList(arguments).indexOf("--");
        for (int i = 0; i < (end < 0 ? arguments.length : end); i++) {
            if (arguments[i].startsWith("--")) {
                replaced[i] = replace(arguments[i], root);
            }
        }
        return replaced;
    }

    private static String replace(String argument, CommandSpec root) {
        int equals = argument.indexOf('=');
        String name = equals < 0 ? argument : argument.substring(0, equals);
        String main = "--" + mainName(name.substring(2));
        return isKnown(root, main) ? main + argument.substring(name.length()) : argument;
    }

    /** Whether a command, or one below it, has an option of this name that people may use. */
    static boolean isKnown(CommandSpec command, String option) {
        OptionSpec found = command.findOption(option);
        return (found != null && !found.hidden())
                || command.subcommands().values().stream().anyMatch(sub -> isKnown(sub.getCommandSpec(), option));
    }

    /** The name, without dashes in front, of the option that a name stands for. */
    static String mainName(String name) {
        String dashed = name.replace('_', '-');
        return OTHER_WORDS.getOrDefault(dashed, dashed);
    }

    /** The option of a command that this name, without dashes in front, stands for; null if there is none. */
    static @Nullable OptionSpec find(CommandSpec command, String name) {
        return command.findOption("--" + mainName(name));
    }
}
