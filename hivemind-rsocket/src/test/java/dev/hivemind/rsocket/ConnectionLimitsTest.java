package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** Limits of a node that was told of others than the defaults. */
@Timeout(60)
class ConnectionLimitsTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private PeerNode listener = PeerNode.builder().build();
    private final PeerNode dialler = PeerNode.builder().build();

    @AfterEach
    void close() {
        dialler.close().then(listener.close()).block(TIMEOUT);
    }

    private void listen(ConnectionLimits limits) {
        listener = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .limits(limits)
                .build();
        listener.start().block(TIMEOUT);
    }

    @Test
    void new_outOfBounds_isRefused() {
        ConnectionLimits limits = ConnectionLimits.DEFAULT;

        assertThatIllegalArgumentException().isThrownBy(() -> limits.withCalls(0, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> limits.withChannels(63));
        assertThatIllegalArgumentException().isThrownBy(() -> limits.withUnsent(1 << 20, 1 << 19, TIMEOUT));
        assertThatIllegalArgumentException().isThrownBy(() -> limits.withFirstFrameTimeout(Duration.ZERO));
    }

    @Test
    void withCalls_whenReached_refusesTheNextCall() {
        listen(ConnectionLimits.DEFAULT.withCalls(1, 1 << 20));
        Sinks.Empty<Void> entered = Sinks.empty();
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.<Reply>never().doOnSubscribe(subscription -> entered.tryEmitEmpty()));
        PeerConnection connection = dialler.connect(listener.addresses().get(0)).block(TIMEOUT);

        var first = Bodies.request(10);
        var second = Bodies.request(10);
        var underWay = connection.request(first).subscribe(reply -> {}, error -> {});
        entered.asMono().block(TIMEOUT);

        StepVerifier.create(connection.request(second))
                .expectError(OverloadedException.class)
                .verify(TIMEOUT);
        underWay.dispose();
        List.of(first, second).forEach(Request::release);
    }

    @Test
    void withFirstFrameTimeout_ofASilentStranger_closesSoon() throws Exception {
        listen(ConnectionLimits.DEFAULT.withFirstFrameTimeout(Duration.ofMillis(50)));
        PeerAddress address = listener.addresses().get(0);

        try (var silent = new Socket(address.host(), address.port())) {
            silent.setSoTimeout((int) TIMEOUT.toMillis());

            assertThat(silent.getInputStream().readAllBytes()).isNotNull();
        }
    }
}
