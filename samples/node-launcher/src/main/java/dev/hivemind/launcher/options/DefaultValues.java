package dev.hivemind.launcher.options;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** The values of options that no flag gives: from the environment, else from the file of {@code --config}. */
public final class DefaultValues implements IDefaultValueProvider {

    private static final String CONFIG = "--config";

    private final Map<String, String> environment;
    private final @Nullable ConfigFile config;

    private DefaultValues(Map<String, String> environment, @Nullable ConfigFile config) {
        this.environment = environment;
        this.config = config;
    }

    /**
     * Reads the file that the command line or else the environment names, if they do.
     *
     * @throws ConfigException if it is of no use
     */
    public static DefaultValues of(CommandSpec root, List<String> arguments, Map<String, String> environment) {
        String file = configOf(arguments)
                .or(() -> given(environment, variable(CONFIG)))
                .orElse(null);
        return new DefaultValues(environment, file == null ? null : ConfigFile.read(Path.of(file), root));
    }

    /** Whether the command line or the environment names a file, which may have something for any command. */
    public static boolean haveFile(List<String> arguments, Map<String, String> environment) {
        return configOf(arguments)
                .or(() -> given(environment, variable(CONFIG)))
                .isPresent();
    }

    private static Optional<String> configOf(List<String> arguments) {
        for (int i = 0; i < arguments.size() && !arguments.get(i).equals("--"); i++) {
            if (arguments.get(i).equals(CONFIG) && i + 1 < arguments.size()) {
                return Optional.of(arguments.get(i + 1));
            } else if (arguments.get(i).startsWith(CONFIG + "=")) {
                return Optional.of(arguments.get(i).substring(CONFIG.length() + 1));
            }
        }
        return Optional.empty();
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        Setting setting = setting(argument);
        return setting == null ? null : setting.value();
    }

    private @Nullable Setting setting(ArgSpec argument) {
        if (!(argument instanceof OptionSpec option) || option.hidden() || option.usageHelp() || option.versionHelp()) {
            return null;
        }
        String variable = variable(option.longestName());
        Optional<String> value = given(environment, variable);
        if (value.isPresent()) {
            return new Setting(value.get(), "variable " + variable);
        }
        return config == null ? null : config.find(option);
    }

    private static Optional<String> given(Map<String, String> environment, String variable) {
        return Optional.ofNullable(environment.get(variable)).filter(value -> !value.isBlank());
    }

    /** The variable of the environment that stands for an option: {@code HIVEMIND_LISTEN_ON} for {@code --listen-on}. */
    public static String variable(String option) {
        return "HIVEMIND_" + option.substring(2).replace('-', '_').toUpperCase(Locale.ROOT);
    }

    /** Where the value stands that an error is about; empty if it is a flag, or the error is about something else. */
    public Optional<String> sourceOf(ParameterException error, String... arguments) {
        if (!(error.getArgSpec() instanceof OptionSpec option) || isFlag(option, arguments)) {
            return Optional.empty();
        }
        return Optional.ofNullable(setting(option)).map(Setting::source);
    }

    private static boolean isFlag(OptionSpec option, String... arguments) {
        return Arrays.stream(arguments)
                .anyMatch(argument -> Arrays.stream(option.names())
                        .anyMatch(name -> argument.equals(name) || argument.startsWith(name + "=")));
    }
}
