package dev.hivemind.launcher;

import dev.hivemind.launcher.options.DefaultValues;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.process.ChildProcessException;
import dev.hivemind.moe.data.DataException;
import dev.hivemind.moe.training.DivergedException;
import dev.hivemind.rsocket.ListenException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
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
        String help = " See '%s --help'.".formatted(command.getCommandSpec().qualifiedName());
        String source =
                defaults.sourceOf(error, arguments).map(place -> place + ": ").orElse("");
        command.getErr().println(PREFIX + source + sentence(oneLine(problem(error))) + didYouMean(error) + help);
        return ExitCodes.USAGE;
    }

    private static String problem(ParameterException error) {
        if (error instanceof UnmatchedArgumentException unmatched) {
            return "%s '%s'"
                    .formatted(
                            unmatched.isUnknownOption() ? "Unknown option" : "Unexpected argument",
                            unmatched.getUnmatched().get(0));
        }
        return String.valueOf(error.getMessage());
    }

    private static String didYouMean(ParameterException error) {
        if (!(error instanceof UnmatchedArgumentException unmatched)) {
            return "";
        }
        List<String> suggestions = unmatched.getSuggestions();
        return suggestions.isEmpty() ? "" : " Did you mean '%s'?".formatted(suggestions.get(0));
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

    private static String sentence(String text) {
        return text.isEmpty() || ".?!".indexOf(text.charAt(text.length() - 1)) >= 0 ? text : text + ".";
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}
