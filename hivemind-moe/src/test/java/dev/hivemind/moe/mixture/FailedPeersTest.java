package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.types.Shape;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.RequestHandler;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/** Peers and experts that fail again and again, and at last do not. */
class FailedPeersTest {

    private static final int WIDTH = 8;
    private static final Duration FIRST_BAN = Duration.ofSeconds(6);
    private static final Duration LONGEST_BAN = Duration.ofSeconds(61);

    /** Only a hang reaches it. */
    private static final Duration LONG = Duration.ofMinutes(10);

    private static final RequestHandler AWAY =
            (caller, request) -> Mono.error(new PeerUnavailableException("I am about to leave"));

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final ManualClock clock = new ManualClock();
    private final Swarm swarm = new Swarm();
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
    private ScriptedExpert scripted;

    @BeforeEach
    void host() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        scripted = new ScriptedExpert(swarm, "ffn.1", WIDTH);
        logged.start();
        logger().setLevel(Level.INFO);
        logger().addAppender(logged);
    }

    @AfterEach
    void close() {
        logger().detachAppender(logged);
        logger().setLevel(null);
        swarm.close();
        scripted.close();
    }

    private static Logger logger() {
        return (Logger) LoggerFactory.getLogger(SwarmHealth.class);
    }

    private RemoteMixtureOfExperts mixture(String grid, int kBest) {
        return mixture(grid, kBest, MixturePolicy.DEFAULT);
    }

    private RemoteMixtureOfExperts mixture(String grid, int kBest, MixturePolicy policy) {
        return RemoteMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid(grid)
                .inFeatures(WIDTH)
                .kBest(kBest)
                .policy(policy)
                .nanoClock(clock::nanoTime)
                .build();
    }

    private float[] step(RemoteMixtureOfExperts mixture) {
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            return mixture.forward(tape, arrays.manager().ones(new Shape(3, WIDTH)))
                    .toFloatArray();
        }
    }

    private List<String> reports(Level level) {
        return logged.list.stream()
                .filter(event -> event.getLevel() == level)
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    @Test
    void peer_thatFailed_isLeftAloneForAWhileAndComesBack() {
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:2]", 2);
        scripted.forward = AWAY;
        step(mixture);
        int attempts = scripted.forwards.get();
        scripted.forward = ScriptedExpert.filledWith(1);

        step(mixture);
        assertThat(scripted.forwards).hasValue(attempts);

        clock.advance(FIRST_BAN);
        step(mixture);
        step(mixture);
        assertThat(scripted.forwards).hasValue(attempts + 2);
        assertThat(mixture.statistics().failedCalls()).isOne();
        assertThat(reports(Level.INFO)).hasSize(1).allMatch(report -> report.contains("answers again"));
    }

    @Test
    void peers_thatAllFailed_areTriedAgainAtOnce() {
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:2]", 2);
        step(mixture);
        scripted.forward = AWAY;
        swarm.kill(0);
        assertThatThrownBy(() -> step(mixture))
                .isInstanceOf(PeerUnavailableException.class)
                .hasMessageContaining("None of the 2 experts chosen");
        scripted.forward = ScriptedExpert.filledWith(1);

        assertThat(step(mixture)).containsOnly(1);
    }

    static List<RequestHandler> nonsense() {
        return List.of(
                ScriptedExpert.filledWith(Float.NaN),
                ScriptedExpert.misshapen(-1, 0),
                ScriptedExpert.misshapen(0, 1),
                AWAY);
    }

    @ParameterizedTest
    @MethodSource("nonsense")
    void expert_thatKeepsFailing_isReportedOnce(RequestHandler nonsense) {
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:2]", 2);
        scripted.forward = nonsense;

        for (int round = 0; round < 3; round++) {
            step(mixture);
            clock.advance(LONGEST_BAN);
        }

        assertThat(mixture.statistics().failedCalls()).isEqualTo(3);
        assertThat(reports(Level.WARN)).hasSize(1).allMatch(report -> report.contains("ffn.1"));
    }

    /** After three calls in a row that nobody needed. */
    @Test
    void peer_thatKeepsSilent_isReportedOnce() {
        MixturePolicy hurried =
                MixturePolicy.DEFAULT.withTimeouts(LONG, LONG).withTimeoutAfterKMin(Duration.ofMillis(50));
        RemoteMixtureOfExperts mixture = mixture("ffn.[0:2]", 2, hurried);
        step(mixture("ffn.[0:2]", 2));
        scripted.forward = ScriptedExpert.silent();

        for (int round = 0; round < 2; round++) {
            for (int stall = 0; stall < 3; stall++) {
                step(mixture);
            }
            int calls = (round + 1) * 3;
            step(mixture);
            assertThat(mixture.statistics().failedCalls()).isEqualTo(calls);
            clock.advance(LONGEST_BAN);
        }

        assertThat(reports(Level.WARN)).hasSize(1).allMatch(report -> report.contains("ffn.1"));
    }
}
