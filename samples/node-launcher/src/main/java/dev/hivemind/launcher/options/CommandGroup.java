package dev.hivemind.launcher.options;

import static java.util.Objects.requireNonNull;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** A command that does nothing by itself, and has commands below it. */
@Command(synopsisSubcommandLabel = "COMMAND")
public abstract class CommandGroup extends HivemindCommand implements Runnable {

    private final Map<String, Class<?>> commands = new LinkedHashMap<>();

    /** A group without commands. */
    protected CommandGroup() {}

    /** Adds a command below those that are there. It is made when a command line needs it. */
    protected final void add(String name, Class<?> command) {
        commands.put(name, command);
    }

    /**
     * The command line of this group. If the first of some words is the name of a command, that one alone is below it, since
     * each takes time to describe; else all are.
     *
     * @param words with which a command line begins
     */
    public final CommandLine commandLine(List<String> words) {
        var line = new CommandLine(this);
        if (!words.isEmpty() && commands.containsKey(words.get(0))) {
            add(words.get(0), line, words.subList(1, words.size()));
        } else {
            commands.keySet().forEach(name -> add(name, line, List.of()));
        }
        return line;
    }

    private void add(String name, CommandLine line, List<String> words) {
        Object command = made(requireNonNull(commands.get(name)));
        line.addSubcommand(name, command instanceof CommandGroup group ? group.commandLine(words) : command);
    }

    private static Object made(Class<?> command) {
        try {
            return CommandLine.defaultFactory().create(command);
        } catch (Exception e) {
            throw new IllegalStateException("%s cannot be made".formatted(command), e);
        }
    }

    @Override
    public void run() {
        throw usageError(spec().subcommands().entrySet().stream()
                .filter(command ->
                        !command.getValue().getCommandSpec().usageMessage().hidden())
                .map(Entry::getKey)
                .collect(Collectors.joining("', '", "A command is missing, one of '", "'")));
    }
}
