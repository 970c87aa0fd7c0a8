package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.Dht;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** What may take how much of the time of a pass, so that some is left for the calls. */
class PassDeadlinesTest {

    private static final int WIDTH = 8;
    private static final int GRID = 400;

    /** More than are asked for their schema at once. */
    private static final int SILENT = 300;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private static ExpertMixture mixture(ExpertClient client, int kBest, Duration timeout) {
        MixturePolicy policy = MixturePolicy.DEFAULT.withTimeouts(timeout, timeout);
        return new ExpertMixture(
                client,
                new ExpertMixture.Settings(ExpertGrid.of("ffn", GRID), kBest, policy, null, null, System::nanoTime));
    }

    private ForwardPass pass(ExpertMixture mixture) {
        return new ForwardPass(mixture, new NDList(arrays.manager().ones(new Shape(1, WIDTH))));
    }

    /** A DHT that answers no question. */
    private static ExpertDirectory silentDirectory() {
        return new ExpertDirectory((Dht) Proxy.newProxyInstance(
                Dht.class.getClassLoader(),
                new Class<?>[] {Dht.class},
                (self, method, arguments) -> method.getReturnType() == Flux.class ? Flux.never() : Mono.never()));
    }

    @Test
    void route_whileTheDhtIsSilent_failsAfterHalfOfTheTime() {
        PeerNode node = PeerNode.builder().build();
        ExpertClient client = ExpertClient.create(node, silentDirectory());
        ExpertMixture mixture = mixture(client, 1, Duration.ofMinutes(40));

        StepVerifier.withVirtualTime(() -> pass(mixture).route(new float[GRID]))
                .expectSubscription()
                .expectNoEvent(Duration.ofMinutes(19))
                .thenAwait(Duration.ofMinutes(1))
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(DeadlineExceededException.class)
                        .hasMessageContaining("half of the time"))
                .verify(Swarm.TIMEOUT);

        client.dispose();
        node.close().block(Swarm.TIMEOUT);
    }

    @Test
    void follow_whileManyExpertsKeepTheirSchemasToThemselves_leavesTimeForTheOthersCalls() {
        PeerNode silent =
                PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        silent.handle(Operation.EXPERT_INFO, (caller, request) -> Mono.never());
        silent.start().block(Swarm.TIMEOUT);
        try (var swarm = new Swarm().host(0, 0, WIDTH, OptimizerConfig.frozen());
                RemoteTape tape = RemoteTape.open(arrays.manager())) {
            ExpertMixture mixture = mixture(swarm.client(), SILENT + 1, Duration.ofSeconds(8));
            Routing routing = routing(descriptor(swarm), silent);
            mixture.handle(routing.experts().get(0)).info().block(Swarm.TIMEOUT);
            ForwardPass pass = pass(mixture);

            tape.await(pass.follow(routing), late -> {});
            ExpertOutputs outputs = pass.place(tape.manager(), tape.await(pass.call(), Answers::release));

            assertThat(outputs.answered()).hasSize(SILENT + 1).startsWith(true, false);
        }
        silent.close().block(Swarm.TIMEOUT);
    }

    private static ExpertDescriptor descriptor(Swarm swarm) {
        return swarm.client().directory().find(new ExpertUid("ffn.0")).blockFirst(Swarm.TIMEOUT);
    }

    /** One row that chose the honest expert and then all of the others. */
    private static Routing routing(ExpertDescriptor honest, PeerNode silent) {
        List<List<ExpertDescriptor>> chosen = new ArrayList<>(List.of(List.of(honest)));
        for (int expert = 1; expert <= SILENT; expert++) {
            var uid = new ExpertUid("ffn." + expert);
            chosen.add(List.of(new ExpertDescriptor(uid, silent.id(), silent.addresses())));
        }
        return Routing.of(SILENT + 1, List.of(chosen));
    }
}
