package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.publisher.Mono;

/** Calls to real experts over real sockets with compressed tensors, beside the same without. */
class CompressedCallsTest {

    private static final int WIDTH = 256;
    private static final int ROWS = 16;
    private static final int PLAIN_BYTES = ROWS * WIDTH * Float.BYTES;

    private final Swarm swarm = new Swarm();
    private NDManager manager;

    @BeforeEach
    void prepare() {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
    }

    @AfterEach
    void close() {
        manager.close();
        swarm.close();
    }

    private NDArray normal(long seed, int rows) {
        var random = new SplittableRandom(seed);
        float[] values = new float[rows * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, new Shape(rows, WIDTH));
    }

    private static CallPolicy policy(Compression activations, Compression gradients) {
        return CallPolicy.DEFAULT.withActivations(activations).withGradients(gradients);
    }

    private static Compression codec(String name) {
        return Compression.all().stream()
                .filter(known -> known.toString().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static double distance(NDArray actual, NDArray expected) {
        return actual.sub(expected).norm().getFloat() / expected.norm().getFloat();
    }

    @ParameterizedTest
    @CsvSource({"float16, 1e-3", "int8, 2e-2"})
    void forward_compressed_isNearTheAnswerWithoutCompression(String name, double tolerance) {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        NDList inputs = new NDList(normal(1, ROWS));

        NDList plain = expert.forward(manager, inputs).block(Swarm.TIMEOUT);
        NDList compressed = expert.with(policy(codec(name), Compression.NONE))
                .forward(manager, inputs)
                .block(Swarm.TIMEOUT);

        assertThat(distance(compressed.head(), plain.head())).isPositive().isLessThan(tolerance);
    }

    @ParameterizedTest
    @CsvSource({"float16, 1e-2", "int8, 5e-2"})
    void backward_compressed_isNearTheGradientsWithoutCompression(String name, double tolerance) {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        NDList inputs = new NDList(normal(1, ROWS));
        NDList gradients = new NDList(normal(2, ROWS));

        NDList plain = expert.backward(manager, inputs, gradients).block(Swarm.TIMEOUT);
        NDList compressed = expert.with(policy(codec(name), codec(name)))
                .backward(manager, inputs, gradients)
                .block(Swarm.TIMEOUT);

        assertThat(distance(compressed.head(), plain.head())).isPositive().isLessThan(tolerance);
    }

    @Test
    void forward_asInt8_carriesAboutAQuarterOfTheBytesBothWays() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        List<OutgoingTensor> inputs = OutgoingTensor.inputs(new NDList(normal(1, ROWS)));
        CallPolicy policy = policy(Compression.INT8, Compression.NONE);

        int received = bytes(swarm.expert(0).with(policy).forwardReply(() -> inputs));

        assertThat(sizes(inputs, policy))
                .allSatisfy(bytes -> assertThat(bytes).isBetween(PLAIN_BYTES / 4, PLAIN_BYTES * 10 / 39));
        assertThat(received).isBetween(PLAIN_BYTES / 4, PLAIN_BYTES * 10 / 39);
    }

    @Test
    void backward_withAnotherCodecForEachRole_usesThatOfTheRole() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        List<OutgoingTensor> tensors =
                OutgoingTensor.inputsAndGradients(new NDList(normal(1, ROWS)), new NDList(normal(2, ROWS)));
        CallPolicy policy = policy(Compression.NONE, Compression.FLOAT16);

        int received = bytes(swarm.expert(0).with(policy).backwardReply(() -> tensors));

        assertThat(sizes(tensors, policy)).containsExactly(PLAIN_BYTES, PLAIN_BYTES / 2);
        assertThat(received).isEqualTo(PLAIN_BYTES / 2);
    }

    private static List<Integer> sizes(List<OutgoingTensor> tensors, CallPolicy policy) {
        List<TensorFrame> frames = OutgoingTensor.encode(tensors, policy);
        List<Integer> sizes =
                frames.stream().map(frame -> frame.data().readableBytes()).toList();
        frames.forEach(TensorFrame::release);
        return sizes;
    }

    private static int bytes(Mono<Reply> replies) {
        Reply reply = replies.block(Swarm.TIMEOUT);
        try {
            return reply.body().readableBytes();
        } finally {
            reply.release();
        }
    }

    @Test
    void training_asInt8_learnsAsWithoutCompression() {
        swarm.host(0, 1, WIDTH, OptimizerConfig.adam(1e-3));
        NDArray inputs = normal(1, ROWS);
        NDArray target = normal(2, ROWS);

        double plain = lossAfterTraining(swarm.expert(0), inputs, target);
        double compressed =
                lossAfterTraining(swarm.expert(1).with(policy(Compression.INT8, Compression.INT8)), inputs, target);

        assertThat(plain).isLessThan(0.2);
        assertThat(compressed).isLessThan(0.2);
    }

    /** Part of the first loss that is left after some steps. */
    private double lossAfterTraining(RemoteExpert expert, NDArray inputs, NDArray target) {
        double first = 0;
        double last = 0;
        for (int step = 0; step < 60; step++) {
            try (RemoteTape tape = RemoteTape.open(manager)) {
                NDArray loss = tape.forward(expert, inputs).sub(target).square().mean();
                last = loss.getFloat();
                first = step == 0 ? last : first;
                tape.backward(loss);
            }
        }
        return last / first;
    }

    @Test
    void mixture_asInt8_isNearTheMixtureWithoutCompression() {
        swarm.host(0, 3, WIDTH, OptimizerConfig.frozen());
        NDArray samples = normal(1, ROWS);
        samples.setRequiresGradient(true);
        NDArray[] plain = outputAndGradient(swarm.client(), samples);
        NDArray[] compressed = outputAndGradient(swarm.clientWith(policy(Compression.INT8, Compression.INT8)), samples);

        assertThat(distance(compressed[0], plain[0])).isPositive().isLessThan(2e-2);
        assertThat(distance(compressed[1], plain[1])).isPositive().isLessThan(5e-2);
    }

    private NDArray[] outputAndGradient(ExpertClient client, NDArray samples) {
        RemoteMixtureOfExperts mixture = RemoteMixtureOfExperts.builder(client, manager)
                .grid("ffn.[0:4]")
                .inFeatures(WIDTH)
                .kBest(2)
                .seed(3)
                .build();
        TensorOps.zeroGradient(samples);
        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray output = mixture.forward(tape, samples);
            tape.backward(output.mul(normal(9, ROWS)).mean());
            NDArray kept = output.duplicate();
            kept.attach(manager);
            NDArray gradient = samples.getGradient().duplicate();
            gradient.attach(manager);
            return new NDArray[] {kept, gradient};
        }
    }
}
