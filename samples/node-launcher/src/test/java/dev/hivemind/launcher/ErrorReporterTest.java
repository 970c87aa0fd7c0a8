package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.launcher.options.DefaultValues;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Model.CommandSpec;
import reactor.core.Exceptions;

class ErrorReporterTest {

    private static final DefaultValues NOTHING = DefaultValues.of(CommandSpec.create(), List.of(), Map.of());

    private final StringWriter err = new StringWriter();

    @Test
    void report_failureForPeople_printsItsMessageAsOneSentence() {
        assertThat(report(new LauncherException("The disk is full"))).isEqualTo(ExitCodes.FAILED);
        assertThat(err.toString()).isEqualToIgnoringNewLines("hivemind: The disk is full.");
    }

    @Test
    void report_messageOfSeveralLines_becomesOneLine() {
        report(new LauncherException("First.\n  Second.\r\n"));

        assertThat(err.toString()).isEqualToIgnoringNewLines("hivemind: First. Second.");
    }

    @Test
    void report_peerUnavailable_hasItsOwnExitCode() {
        assertThat(report(new PeerUnavailableException("Nobody answers"))).isEqualTo(ExitCodes.NO_PEER);
    }

    @Test
    void report_otherCallFailure_isAFailure() {
        assertThat(report(new DeadlineExceededException("Too late"))).isEqualTo(ExitCodes.FAILED);
    }

    @Test
    void report_wrappedFailure_reportsWhatIsInside() {
        var inside = new PeerUnavailableException("Nobody answers");

        assertThat(report(new ExecutionException(new CompletionException(inside))))
                .isEqualTo(ExitCodes.NO_PEER);
        assertThat(err.toString()).isEqualToIgnoringNewLines("hivemind: Nobody answers.");
    }

    @Test
    void report_interruptedWhileBlocking_hasTheShellsExitCode() {
        assertThat(report(Exceptions.propagate(new InterruptedException()))).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(err.toString()).isEqualToIgnoringNewLines("hivemind: Interrupted.");
    }

    @Test
    void report_unexpectedFailure_showsTheWayToTheStackTraceAndNotTheTrace() {
        assertThat(report(new IllegalStateException("Impossible"))).isEqualTo(ExitCodes.FAILED);
        assertThat(err.toString())
                .isEqualToIgnoringNewLines(
                        "hivemind: Unexpected failure: IllegalStateException: Impossible. Run again with --verbose for"
                                + " the stack trace.");
    }

    @Test
    void report_verbose_printsTheStackTraceToo() {
        new ErrorReporter(() -> true, NOTHING).report(new LauncherException("The disk is full"), new PrintWriter(err));

        assertThat(err.toString())
                .contains("hivemind: The disk is full.", "at " + getClass().getName());
    }

    private int report(Throwable failure) {
        return new ErrorReporter(() -> false, NOTHING).report(failure, new PrintWriter(err));
    }
}
