package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.PairList;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.moe.tensor.DeviceScheduler;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.testkit.FaultProxy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

/** A backward call whose connection breaks while the expert takes its step. */
class RepeatedBackwardTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final PeerNode serverNode =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode clientNode = PeerNode.builder().build();
    private final Scaling scaling = new Scaling();
    private final DeviceScheduler tensors = DeviceScheduler.create("test-tensors", 1);
    private final CallChannels channels =
            new CallChannels(StreamLimits.DEFAULT, Schedulers.newSingle("test-streams", true));
    private ExpertBackend backend;
    private ExpertServer server;
    private FaultProxy proxy;
    private NDManager manager;

    @BeforeEach
    void start() {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
        var spec = List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, 2));
        backend = ExpertBackend.create(new ExpertDefinition(scaling, spec, spec), OptimizerConfig.sgd(0.5));
        server = ExpertServer.builder(serverNode).expert("scale.0", backend).build();
        serverNode.start().then(server.start()).block(TIMEOUT);
        proxy = FaultProxy.start(
                new InetSocketAddress("127.0.0.1", serverNode.addresses().get(0).port()));
    }

    @AfterEach
    void close() {
        scaling.proceed.countDown();
        channels.dispose();
        tensors.dispose();
        server.close().block(TIMEOUT);
        proxy.close();
        Mono.when(clientNode.close(), serverNode.close()).block(TIMEOUT);
        manager.close();
    }

    private RemoteExpert expert(CallPolicy policy) {
        var descriptor = new ExpertDescriptor(
                new ExpertUid("scale.0"), serverNode.id(), List.of(new PeerAddress("127.0.0.1", proxy.port())));
        var calls = new ExpertCalls(
                tensors.scheduler(), new CallGate(ClientLimits.DEFAULT), new Backoff<>(System::nanoTime), channels);
        return RemoteExpert.of(clientNode, List.of(descriptor), calls, policy);
    }

    @ParameterizedTest(name = "streams: {0}")
    @ValueSource(booleans = {false, true})
    void backward_whoseConnectionBreaksDuringTheStep_answersAndHasSteppedOnce(boolean streams) {
        NDArray x = manager.create(new float[] {1, 2}, new Shape(1, 2));
        NDArray gradient = manager.create(new float[] {10, 100}, new Shape(1, 2));

        StepVerifier.create(expert(CallPolicy.DEFAULT.withStreams(streams))
                        .backward(manager, new NDList(x), new NDList(gradient))
                        .map(gradients -> gradients.singletonOrThrow().toFloatArray()))
                .then(scaling::awaitStep)
                .then(proxy::cut)
                .then(scaling.proceed::countDown)
                .assertNext(received -> assertThat(received).containsExactly(10, 100))
                .expectComplete()
                .verify(TIMEOUT);

        assertThat(scaling.passes).hasValue(1);
    }

    /** {@code x * w}, which waits in its first training pass. */
    static final class Scaling extends AbstractBlock {

        private final CountDownLatch begun = new CountDownLatch(1);
        private final CountDownLatch proceed = new CountDownLatch(1);
        private final AtomicInteger passes = new AtomicInteger();
        private final Parameter weight = addParameter(Parameter.builder()
                .setName("weight")
                .setType(Parameter.Type.WEIGHT)
                .optInitializer(Initializer.ONES)
                .build());

        void awaitStep() {
            await(begun);
        }

        private static void await(CountDownLatch latch) {
            try {
                assertThat(latch.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        protected void prepare(Shape[] inputShapes) {
            weight.setShape(new Shape(2));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputShapes) {
            return inputShapes;
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore parameters, NDList inputs, boolean training, PairList<String, Object> options) {
            passes.incrementAndGet();
            begun.countDown();
            await(proceed);
            NDArray x = inputs.singletonOrThrow();
            return new NDList(x.mul(parameters.getValue(weight, x.getDevice(), training)));
        }
    }
}
