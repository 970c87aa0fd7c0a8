package dev.hivemind.benchmarks.throughput;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The other side of a {@link ChildProcess}: answers each line of standard input with a line of figures. */
final class Commands {

    private Commands() {}

    /** Does what a line asks for. */
    @FunctionalInterface
    interface Command {

        /** The answer to a command with these arguments. */
        Figures run(List<Double> arguments) throws Exception;
    }

    /** Serves until standard input ends, as it does when the parent is gone. */
    static void serve(Map<String, Command> commands) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = next(lines); !line.isEmpty(); line = next(lines)) {
            List<String> words = List.of(line.split(" ", -1));
            Command command = commands.get(words.get(0));
            if (command == null) {
                throw new IllegalArgumentException("There is no command " + line);
            }
            List<Double> arguments =
                    words.stream().skip(1).map(Double::parseDouble).toList();
            System.out.println(command.run(arguments).toLine());
        }
    }

    private static String next(BufferedReader lines) throws IOException {
        String line = lines.readLine();
        return line == null ? "" : line;
    }
}
