package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.mixture.MixturePolicy;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.tensor.ElementType;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Peers that answer nonsense, or nothing. */
class LyingExpertTest {

    private static final int WIDTH = 4;

    private final Swarm swarm = new Swarm();
    private final PeerNode liar =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private NDManager manager;

    @BeforeEach
    void start() {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
        liar.start().block(Swarm.TIMEOUT);
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        tellSchema();
    }

    @AfterEach
    void close() {
        manager.close();
        liar.close().block(Swarm.TIMEOUT);
        swarm.close();
    }

    private RemoteExpert expert() {
        return swarm.client().remote(new ExpertDescriptor(new ExpertUid("ffn.1"), liar.id(), liar.addresses()));
    }

    /** The schema that an honest expert would have. */
    private void tellSchema() {
        var spec = List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, WIDTH));
        var schema = new ExpertSchema(spec, spec, 64, true);
        liar.handle(
                Operation.EXPERT_INFO,
                (caller, request) -> Mono.fromSupplier(() -> Reply.ofMessage(ExpertSchemaCodec.toMessage(schema))));
    }

    private void answer(Operation operation, Shape... shapes) {
        liar.handle(
                operation,
                (caller, request) -> Mono.fromSupplier(() -> {
                    try (NDManager scope = TensorOps.newManager()) {
                        NDList tensors = new NDList();
                        for (Shape shape : shapes) {
                            tensors.add(scope.ones(shape));
                        }
                        return Reply.ofTensors(NDArrayFrames.encode(tensors));
                    }
                }));
    }

    @Test
    void forward_answeredWithoutTensors_isAFailedCall() {
        answer(Operation.EXPERT_FORWARD);

        try (RemoteTape tape = RemoteTape.open(manager)) {
            assertThatThrownBy(() -> tape.forward(expert(), manager.ones(new Shape(3, WIDTH))))
                    .isInstanceOf(ExpertFailedException.class);
        }
    }

    @Test
    void forward_answeredWithOtherRows_isAFailedCall() {
        answer(Operation.EXPERT_FORWARD, new Shape(2, WIDTH));

        try (RemoteTape tape = RemoteTape.open(manager)) {
            assertThatThrownBy(() -> tape.forward(expert(), manager.ones(new Shape(3, WIDTH))))
                    .isInstanceOf(ExpertFailedException.class)
                    .hasCauseInstanceOf(ProtocolViolationException.class)
                    .hasMessageContaining("float32(2, 4)")
                    .hasMessageContaining("float32(3, 4)");
        }
    }

    @Test
    void backward_answeredWithoutTensors_isAFailedCall() {
        assertBackwardFails();
    }

    @Test
    void backward_answeredWithABroadcastableShape_isAFailedCall() {
        assertBackwardFails(new Shape(7, 3, WIDTH));
    }

    @Test
    void backward_answeredWithTwoTensors_isAFailedCall() {
        assertBackwardFails(new Shape(3, WIDTH), new Shape(3, WIDTH));
    }

    private void assertBackwardFails(Shape... gradients) {
        answer(Operation.EXPERT_FORWARD, new Shape(3, WIDTH));
        answer(Operation.EXPERT_BACKWARD, gradients);

        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray output = tape.forward(expert(), manager.ones(new Shape(3, WIDTH)));
            assertThatThrownBy(() -> tape.backward(output.sum()))
                    .isInstanceOf(ExpertFailedException.class)
                    .hasMessageContaining("float32(3, 4)");
        }
    }

    @Test
    void mixture_withAnExpertOfNaNs_masksIt() {
        liar.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.fromSupplier(() -> {
                    try (NDManager scope = TensorOps.newManager()) {
                        long rows = request.header().tensors().get(0).shape().get(0);
                        return Reply.ofTensors(
                                NDArrayFrames.encode(new NDList(scope.full(new Shape(rows, WIDTH), Float.NaN))));
                    }
                }));
        swarm.declare(liar, "ffn.1");
        var mixture = RemoteMixtureOfExperts.builder(swarm.client(), manager)
                .grid("ffn.[0:2]")
                .inFeatures(WIDTH)
                .kBest(2)
                .build();

        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray output = mixture.forward(tape, manager.ones(new Shape(5, WIDTH)));
            tape.backward(output.sum());

            assertThat(output.toFloatArray()).doesNotContain(Float.NaN);
            assertThat(mixture.parameters().get(0).getGradient().toFloatArray()).doesNotContain(Float.NaN);
        }
        assertThat(mixture.statistics().failedCalls()).isEqualTo(1);
    }

    @Test
    void mixture_withAnExpertOfNaNGradients_avoidsIt() {
        answer(Operation.EXPERT_FORWARD, new Shape(5, WIDTH));
        liar.handle(
                Operation.EXPERT_BACKWARD,
                (caller, request) -> Mono.fromSupplier(() -> {
                    try (NDManager scope = TensorOps.newManager()) {
                        return Reply.ofTensors(
                                NDArrayFrames.encode(new NDList(scope.full(new Shape(5, WIDTH), Float.NaN))));
                    }
                }));
        swarm.declare(liar, "ffn.1");
        var mixture = RemoteMixtureOfExperts.builder(swarm.client(), manager)
                .grid("ffn.[0:2]")
                .inFeatures(WIDTH)
                .kBest(2)
                .build();

        for (int step = 0; step < 2; step++) {
            try (RemoteTape tape = RemoteTape.open(manager)) {
                tape.backward(
                        mixture.forward(tape, manager.ones(new Shape(5, WIDTH))).sum());
            }
        }

        assertThat(mixture.statistics().failedCalls()).isEqualTo(1);
        assertThat(mixture.statistics().calls()).isEqualTo(6);
    }

    @Test
    void mixture_onATapeThatIsShorterThanItsPolicy_avoidsWhoStalls() {
        liar.handle(Operation.EXPERT_FORWARD, (caller, request) -> Mono.never());
        swarm.declare(liar, "ffn.1");
        Duration timeout = Duration.ofSeconds(8);
        var mixture = RemoteMixtureOfExperts.builder(swarm.client(), manager)
                .grid("ffn.[0:2]")
                .inFeatures(WIDTH)
                .kBest(2)
                .policy(MixturePolicy.DEFAULT.withTimeouts(timeout, timeout))
                .build();

        try (RemoteTape tape = RemoteTape.open(manager, timeout.dividedBy(2))) {
            mixture.forward(tape, manager.ones(new Shape(5, WIDTH)));
        }
        try (RemoteTape tape = RemoteTape.open(manager)) {
            mixture.forward(tape, manager.ones(new Shape(5, WIDTH)));
        }

        assertThat(mixture.statistics().failedCalls()).isEqualTo(1);
    }

    @Test
    void forward_toAPeerThatNeverSpeaks_failsByItsDeadline() throws IOException {
        try (var silent = new ServerSocket(0)) {
            PeerAddress address = new PeerAddress("127.0.0.1", silent.getLocalPort());
            ExpertClient impatient = swarm.client(CallPolicy.DEFAULT.withForwardTimeout(Duration.ofMillis(300)));
            RemoteExpert expert = impatient.remote(new ExpertDescriptor(
                    new ExpertUid("ffn.1"), PeerIdentity.generate().id(), List.of(address, address, address)));

            try (RemoteTape tape = RemoteTape.open(manager)) {
                assertThatThrownBy(() -> tape.forward(expert, manager.ones(new Shape(3, WIDTH))))
                        .isInstanceOf(DeadlineExceededException.class);
            }
        }
    }
}
