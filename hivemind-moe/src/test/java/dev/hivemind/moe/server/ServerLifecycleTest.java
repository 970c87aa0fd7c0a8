package dev.hivemind.moe.server;

import static dev.hivemind.moe.server.ServedExperts.TIMEOUT;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Operation;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Servers that start and close. */
class ServerLifecycleTest {

    @RegisterExtension
    final ServedExperts experts = new ServedExperts();

    @Test
    void close_stopsServingAndFreesTheExperts() {
        experts.server().close().block(TIMEOUT);

        StepVerifier.create(experts.call(Operation.EXPERT_FORWARD, "ffn.0", experts.batch(1)))
                .expectError(ProtocolViolationException.class)
                .verify(TIMEOUT);
        assertThatThrownBy(experts::weight).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void close_withCallsUnderWay_endsEachOfThem() {
        List<Mono<NDList>> calls = IntStream.range(0, 100)
                .mapToObj(i -> experts.call(Operation.EXPERT_BACKWARD, "ffn.0", experts.batch(32), experts.batch(32)))
                .toList();

        Mono<Long> ended = Flux.fromIterable(calls)
                .flatMap(call -> call.map(y -> true).onErrorReturn(RpcException.class, false), 100)
                .count();

        StepVerifier.create(Mono.zip(ended, experts.server().close().thenReturn(true))
                        .map(ends -> ends.getT1()))
                .expectNext(100L)
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void start_ofASecondServerOnTheNode_isRefused() {
        ExpertServer second = ExpertServer.builder(experts.node()).build();

        StepVerifier.create(second.start())
                .expectError(IllegalStateException.class)
                .verify(TIMEOUT);
        second.close().block(TIMEOUT);
        experts.assertServes();
    }

    @Test
    void start_afterClose_isRefused() {
        experts.server().close().block(TIMEOUT);

        StepVerifier.create(experts.server().start())
                .expectError(IllegalStateException.class)
                .verify(TIMEOUT);
    }

    @Test
    void start_ofServersOneAfterTheOtherOnANode_servesEachTime() {
        experts.server().close().block(TIMEOUT);
        for (int i = 0; i < 3; i++) {
            ExpertServer next = ExpertServer.builder(experts.node())
                    .expert("ffn.1", ServedExperts.frozen())
                    .build();
            next.start().block(TIMEOUT);
            experts.assertServes();
            next.close().block(TIMEOUT);
        }
    }

    @Test
    void expert_withAUidTwice_isRefused() {
        ExpertServer.Builder builder = ExpertServer.builder(experts.node()).expert("a.0", experts.local());

        assertThatThrownBy(() -> builder.expert("a.0", experts.local())).hasMessageContaining("'a.0'");
    }
}
