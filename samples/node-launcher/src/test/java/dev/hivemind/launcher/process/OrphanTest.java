package dev.hivemind.launcher.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever way a parent ends, its children end too. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class OrphanTest {

    private Lifeline lifeline;
    private Process parent;

    @BeforeEach
    void listen() throws IOException {
        lifeline = new Lifeline();
    }

    @AfterEach
    void end() throws IOException {
        parent.destroyForcibly();
        lifeline.close();
    }

    @Test
    void parent_killedWithoutNotice_leavesNoChild() throws Exception {
        assertChildrenEnd("serve", "wait", Process::destroyForcibly);
    }

    @Test
    void parent_asked_leavesNoChild() throws Exception {
        assertChildrenEnd("serve-deaf", "wait", Process::destroy);
    }

    @Test
    void parent_thatExits_leavesNoChild() throws Exception {
        assertChildrenEnd("serve-deaf", "exit", OrphanTest::closeInput);
    }

    @Test
    void parent_thatFails_leavesNoChild() throws Exception {
        assertChildrenEnd("serve-deaf", "throw", OrphanTest::closeInput);
    }

    private void assertChildrenEnd(String children, String task, Ending ending) throws Exception {
        parent = new ChildCommand(ParentMain.class.getName(), List.of())
                .builder(List.of(children, String.valueOf(lifeline.port()), task))
                .redirectOutput(Redirect.DISCARD)
                .redirectError(Redirect.DISCARD)
                .start();
        try (Socket first = lifeline.accept();
                Socket second = lifeline.accept()) {
            ending.end(parent);
            Lifeline.awaitEnd(first);
            Lifeline.awaitEnd(second);
        }
        assertThat(parent.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }

    private static void closeInput(Process process) throws IOException {
        process.getOutputStream().close();
    }

    private interface Ending {
        void end(Process process) throws IOException;
    }
}
