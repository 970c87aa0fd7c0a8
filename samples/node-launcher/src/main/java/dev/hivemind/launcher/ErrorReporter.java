package dev.hivemind.launcher;

import dev.hivemind.launcher.options.DefaultValues;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.options.Spelling;
import dev.hivemind.launcher.process.ChildProcessException;
import dev.hivemind.moe.data.DataException;
import dev.hivemind.moe.training.DivergedException;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.rsocket.ListenException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;
import reactor.core.Exceptions;

/** Turns whatever a command throws into one line on standard error and an exit code of {@link ExitCodes}. */
final class ErrorReporter implements IParameterExceptionHandler, IExecutionExceptionHandler {

    private static final String PREFIX = "hivemind: ";
    private static final int MAX_CAUSES = 20;

    private final BooleanSupplier verbose;
    private final DefaultValues defaults;

    /**
     * @param verbose asked at the time of a failure whether to print its stack trace
     * @param defaults that may be to blame for a bad value
     */
    ErrorReporter(BooleanSupplier verbose, DefaultValues defaults) {
        this.verbose = verbose;
        this.defaults = defaults;
    }

    @Override
    public int handleParseException(ParameterException error, String[] arguments) {
        CommandLine command = error.getCommandLine();
        String problem = unknownWord(error, arguments)
                .map(word -> unknown(word, command))
                .orElseGet(() -> source(error, arguments) + sentence(oneLine(String.valueOf(error.getMessage()))));
        String help = " See '%s --help'.".formatted(command.getCommandSpec().qualifiedName());
        command.getErr().println(PREFIX + problem + help);
        return ExitCodes.USAGE;
    }

    private String source(ParameterException error, String... arguments) {
        return defaults.sourceOf(error, arguments).map(place -> place + ": ").orElse("");
    }

    /** The word that the command does not know; a misspelled option may also show as one that is missing. */
    private static Optional<String> unknownWord(ParameterException error, String... arguments) {
        if (error instanceof UnmatchedArgumentException unmatched) {
            return Optional.of(unmatched.getUnmatched().get(0));
        } else if (error instanceof MissingParameterException) {
            CommandSpec command = error.getCommandLine().getCommandSpec();
            return Arrays.stream(arguments)
                    .takeWhile(word -> !word.equals("--"))
                    .filter(word -> word.startsWith("--") && command.findOption(name(word)) == null)
                    .findFirst();
        }
        return Optional.empty();
    }

    private static String name(String word) {
        int equals = word.indexOf('=');
        return equals < 0 ? word : word.substring(0, equals);
    }

    private static String unknown(String word, CommandLine command) {
        CommandSpec spec = command.getCommandSpec();
        if (word.startsWith("-")) {
            return "Unknown option '%s'.".formatted(name(word)) + didYouMean(name(word), options(spec));
        }
        String kind = spec.subcommands().isEmpty() ? "Unexpected argument" : "Unknown command";
        return "%s '%s'.".formatted(kind, word) + didYouMean(word, commands(spec));
    }

    private static List<String> options(CommandSpec command) {
        return command.options().stream()
                .filter(option -> !option.hidden())
                .map(OptionSpec::longestName)
                .toList();
    }

    private static List<String> commands(CommandSpec command) {
        return command.subcommands().entrySet().stream()
                .filter(below ->
                        !below.getValue().getCommandSpec().usageMessage().hidden())
                .map(Map.Entry::getKey)
                .toList();
    }

    private static String didYouMean(String word, List<String> known) {
        return Spelling.nearest(word, known)
                .map(" Did you mean '%s'?"::formatted)
                .orElse("");
    }

    @Override
    public int handleExecutionException(Exception error, CommandLine command, ParseResult arguments) {
        return report(error, command.getErr());
    }

    /** Prints the failure and tells the exit code for it. */
    int report(Throwable error, PrintWriter err) {
        Throwable failure = unwrap(error);
        err.println(PREFIX + describe(failure));
        if (verbose.getAsBoolean()) {
            failure.printStackTrace(err);
        }
        err.flush();
        return exitCode(failure);
    }

    private static Throwable unwrap(Throwable error) {
        Throwable current = Exceptions.unwrap(error);
        for (int i = 0; i < MAX_CAUSES; i++) {
            Throwable cause = current.getCause();
            boolean wrapper = current instanceof ExecutionException || current instanceof CompletionException;
            if (!wrapper || cause == null) {
                break;
            }
            current = Exceptions.unwrap(cause);
        }
        return current;
    }

    private static String describe(Throwable failure) {
        String message = failure.getMessage();
        if (isInterruption(failure)) {
            return "Interrupted.";
        } else if (failure instanceof OutOfMemoryError) {
            return "There is not enough memory for this. Host fewer or smaller experts.";
        } else if (isForPeople(failure) && message != null) {
            return sentence(oneLine(message));
        }
        return "Unexpected failure: %s%s. Run again with --verbose for the stack trace."
                .formatted(failure.getClass().getSimpleName(), message == null ? "" : ": " + oneLine(message));
    }

    private static boolean isForPeople(Throwable failure) {
        return failure instanceof LauncherException
                || failure instanceof ChildProcessException
                || failure instanceof DataException
                || failure instanceof CheckpointException
                || failure instanceof DivergedException
                || failure instanceof ListenException
                || failure instanceof RpcException;
    }

    private static int exitCode(Throwable failure) {
        if (isInterruption(failure)) {
            return ExitCodes.INTERRUPTED;
        }
        return failure instanceof PeerUnavailableException ? ExitCodes.NO_PEER : ExitCodes.FAILED;
    }

    private static boolean isInterruption(Throwable failure) {
        return failure instanceof InterruptedException || failure.getCause() instanceof InterruptedException;
    }

    /** A text that ends as sentences do. */
    static String sentence(String text) {
        return text.isEmpty() || ".?!".indexOf(text.charAt(text.length() - 1)) >= 0 ? text : text + ".";
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}
