package dev.hivemind.launcher.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ChildProcessesTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final ChildProcesses children = ChildProcesses.of(ChildMain.class);
    private Lifeline lifeline;

    @BeforeEach
    void listen() throws IOException {
        lifeline = new Lifeline();
    }

    @AfterEach
    void endAll() throws IOException {
        children.close();
        lifeline.close();
    }

    @Test
    void awaitReady_childThatServes_tellsItsAddresses() throws Exception {
        ServerProcess child = start("serve");

        assertThat(child.awaitReady(PATIENCE)).containsExactly(new PeerAddress("127.0.0.1", lifeline.port()));
        assertThat(child.isAlive()).isTrue();
    }

    @Test
    void awaitReady_childThatDies_quotesItsLastErrorLine() {
        ServerProcess child = start("fail");

        assertThatThrownBy(() -> child.awaitReady(PATIENCE))
                .isInstanceOf(ChildProcessException.class)
                .hasMessage("Server 1 ended before it was ready (exit code 4): Cannot listen on 127.0.0.1:80.");
    }

    @Test
    void awaitReady_childThatDiesWithoutAWord_saysSo() {
        ServerProcess child = start("vanish");

        assertThatThrownBy(() -> child.awaitReady(PATIENCE))
                .isInstanceOf(ChildProcessException.class)
                .hasMessage("Server 1 ended before it was ready (exit code 0). It said nothing.");
    }

    @Test
    void awaitReady_readyWithoutAddresses_killsTheChild() throws Exception {
        ServerProcess child = start("bad-ready");

        assertThatThrownBy(() -> child.awaitReady(PATIENCE))
                .isInstanceOf(ChildProcessException.class)
                .hasMessageStartingWith("A server said that it is ready, but not where");
        child.onExit().get(30, TimeUnit.SECONDS);
    }

    @Test
    void awaitReady_silentChild_isKilledAfterTheTimeout() throws Exception {
        ServerProcess child = start("silent");
        try (Socket line = lifeline.accept()) {
            assertThatThrownBy(() -> child.awaitReady(Duration.ofMillis(50)))
                    .isInstanceOf(ChildProcessException.class)
                    .hasMessageStartingWith("Server 1 was not ready after");
            Lifeline.awaitEnd(line);
        }
    }

    @Test
    void start_always_handsOverTheFlags() {
        ServerProcess child = start("environment");

        assertThatThrownBy(() -> child.awaitReady(PATIENCE)).hasMessageEndingWith(": true true");
    }

    @Test
    void killNow_childThatServes_endsWithoutACleanExit() throws Exception {
        ServerProcess child = start("serve");
        child.awaitReady(PATIENCE);

        child.killNow();

        assertThat(child.onExit().get(30, TimeUnit.SECONDS)).isNotZero();
        assertThat(child.isAlive()).isFalse();
    }

    @Test
    void stop_childThatWatches_endsWithExitCodeZero() throws Exception {
        ServerProcess child = start("serve");
        child.awaitReady(PATIENCE);
        lifeline.accept().close();

        child.stop(PATIENCE);

        assertThat(child.onExit().get(30, TimeUnit.SECONDS)).isZero();
    }

    @Test
    void stop_childThatDoesNotListen_isKilled() throws Exception {
        ServerProcess child = start("serve-deaf");
        child.awaitReady(PATIENCE);

        child.stop(Duration.ofMillis(50));

        assertThat(child.onExit().get(30, TimeUnit.SECONDS)).isNotZero();
    }

    @Test
    void stop_childWithAHangingShutdownHook_isHaltedByItsWatch() throws Exception {
        ServerProcess child = start("hooked");
        child.awaitReady(PATIENCE);
        lifeline.accept().close();

        child.stop(PATIENCE);

        assertThat(child.onExit().get(30, TimeUnit.SECONDS)).isZero();
    }

    @Test
    void close_severalChildren_endsAll() throws Exception {
        ServerProcess first = start("serve");
        ServerProcess second = start("serve");
        first.awaitReady(PATIENCE);
        second.awaitReady(PATIENCE);

        children.close();

        first.onExit().get(30, TimeUnit.SECONDS);
        second.onExit().get(30, TimeUnit.SECONDS);
    }

    @Test
    void start_afterClose_isRefused() {
        children.close();

        assertThatThrownBy(() -> start("serve")).isInstanceOf(IllegalStateException.class);
    }

    private ServerProcess start(String behaviour) {
        return children.start("Server 1", List.of(behaviour, String.valueOf(lifeline.port())));
    }
}
