package dev.hivemind.moe.docs;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.RemoteExpertBlock;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Runs the Java of the quickstart, and checks that the quickstart shows what is run here. */
class QuickstartTest {

    private static final Path SOURCE = Path.of("src/test/java/dev/hivemind/moe/docs/QuickstartTest.java");
    private static final Path QUICKSTART = Path.of("../docs/QUICKSTART.md");
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final List<ExpertBackend> experts = new ArrayList<>();
    private PeerNode host;
    private DhtNode hostDht;
    private ExpertServer server;
    private PeerNode peer;
    private DhtNode dht;
    private ExpertClient client;

    @BeforeEach
    void hostAndConnect() {
        TensorOps.prepareThread(1);
        Engine.getInstance().setRandomSeed(1);
        host();
        PeerAddress firstHost = host.addresses().get(0);

        // connect begins
        PeerNode peer = PeerNode.builder().build();
        DhtNode dht = DhtNode.builder(peer).initialPeers(List.of(firstHost)).build();
        peer.start().then(dht.start()).block();
        ExpertClient client = ExpertClient.create(peer, new ExpertDirectory(dht));
        // connect ends
        this.peer = peer;
        this.dht = dht;
        this.client = client;
    }

    private void host() {
        // host begins
        PeerNode host =
                PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
        DhtNode hostDht = DhtNode.builder(host).build();
        var server = ExpertServer.builder(host).announceIn(new ExpertDirectory(hostDht), Duration.ofSeconds(30));
        for (int i = 0; i < 5; i++) {
            ExpertBackend ffn = ExpertBackend.create(
                    ExpertFactories.named("ffn").create(new ExpertOptions(512, i)), OptimizerConfig.sgd(0.01));
            server.expert("expert." + i, ffn);
            experts.add(ffn);
        }
        ExpertServer running = server.build();
        host.start().then(hostDht.start()).then(running.start()).block();
        // host ends
        this.host = host;
        this.hostDht = hostDht;
        this.server = running;
    }

    @AfterEach
    void close() {
        TensorOps.setGradMode(false);
        client.dispose();
        server.close()
                .then(hostDht.close())
                .then(dht.close())
                .then(peer.close())
                .then(host.close())
                .block(TIMEOUT);
    }

    @Test
    void experts_byName_goForwardAndBackward() {
        // experts begins
        RemoteExpert expert1 = client.expert(new ExpertUid("expert.1")).block();
        RemoteExpert expert4 = client.expert(new ExpertUid("expert.4")).block();
        // experts ends
        assertThat(expert4.uid()).hasToString("expert.4");
        assertThat(expert4.owner()).isEqualTo(host.id());

        NDArray gradient;
        // backward begins
        try (NDManager manager = TensorOps.newManager();
                RemoteTape tape = RemoteTape.open(manager)) {
            NDArray dummy = tape.manager().randomNormal(new Shape(3, 512));
            dummy.setRequiresGradient(true);
            NDArray out = tape.forward(expert1, dummy);
            tape.backward(out.sum());
            System.out.println(dummy.getGradient());
            // backward ends
            gradient = dummy.getGradient();
            assertThat(gradient.getShape()).isEqualTo(new Shape(3, 512));
            assertThat(out.getShape()).isEqualTo(new Shape(3, 512));
        }
        assertThat(experts.get(1).optimizer().steps()).isEqualTo(1);
    }

    @Test
    void training_withALocalHeadForAHundredSteps_lowersTheLoss() {
        RemoteExpert expert1 = client.expert(new ExpertUid("expert.1")).block();
        RemoteExpert expert4 = client.expert(new ExpertUid("expert.4")).block();
        List<Float> losses = new ArrayList<>();

        // training begins
        try (NDManager manager = TensorOps.newManager()) {
            NDArray x = manager.randomNormal(new Shape(3, 512));
            NDArray y = x.sum(new int[] {1}, true).mul(0.01);

            Linear head = Linear.builder().setUnits(1).build();
            head.initialize(manager, DataType.FLOAT32, new Shape(3, 512));
            head.getParameters().values().forEach(weight -> weight.getArray().setRequiresGradient(true));
            ParameterStore parameters = new ParameterStore(manager, false);

            for (int step = 0; step < 100; step++) {
                try (RemoteTape tape = RemoteTape.open(manager)) {
                    NDArray input = x.duplicate();
                    input.attach(tape.manager());
                    NDArray hidden = tape.forward(expert1, tape.forward(expert4, input));
                    NDArray prediction =
                            head.forward(parameters, new NDList(hidden), true).singletonOrThrow();
                    NDArray loss = prediction.sub(y).abs().mean();
                    losses.add(loss.getFloat());

                    tape.backward(loss);
                    for (var parameter : head.getParameters().values()) {
                        NDArray weight = parameter.getArray();
                        TensorOps.sgdUpdate(weight, weight.getGradient(), 0.01);
                        TensorOps.zeroGradient(weight);
                    }
                }
            }
        }
        System.out.println(losses);
        // training ends
        assertThat(losses).hasSize(100);
        assertThat(average(losses.subList(90, 100))).isLessThan(average(losses.subList(0, 10)) / 2);
        assertThat(experts.get(1).optimizer().steps()).isEqualTo(100);
        assertThat(experts.get(4).optimizer().steps()).isEqualTo(100);
    }

    private static double average(List<Float> numbers) {
        return numbers.stream().mapToDouble(Float::doubleValue).average().orElseThrow();
    }

    @Test
    void block_amongOthers_isAModelOfDjl() {
        RemoteExpert expert1 = client.expert(new ExpertUid("expert.1")).block();

        // block begins
        SequentialBlock model = new SequentialBlock()
                .add(Linear.builder().setUnits(512).build())
                .add(RemoteExpertBlock.create(expert1).block())
                .add(Linear.builder().setUnits(10).build());
        // block ends
        try (NDManager manager = TensorOps.newManager()) {
            model.initialize(manager, DataType.FLOAT32, new Shape(3, 20));
            NDList input = new NDList(manager.ones(new Shape(3, 20)));
            NDArray output = model.forward(new ParameterStore(manager, false), input, false)
                    .singletonOrThrow();
            assertThat(output.getShape()).isEqualTo(new Shape(3, 10));
        }
    }

    @Test
    void reactiveStep_withoutWaiting_trainsTheExperts() {
        RemoteExpert expert1 = client.expert(new ExpertUid("expert.1")).block();
        RemoteExpert expert4 = client.expert(new ExpertUid("expert.4")).block();

        // reactive begins
        Layer model = Layer.remote(expert4)
                .then(Layer.remote(expert1))
                .then(Layer.local(outputs ->
                        new NDList(outputs.singletonOrThrow().square().mean())));

        Mono<Float> step = ReactiveTape.step(
                client,
                tape -> tape.local(() -> new NDList(tape.manager().ones(new Shape(3, 512))))
                        .flatMap(input -> model.forward(tape, input))
                        .map(NDList::singletonOrThrow)
                        .flatMap(loss -> tape.backward(loss).then(tape.local(loss::getFloat))));
        // reactive ends
        assertThat(step.block(TIMEOUT)).isPositive();
        assertThat(experts.get(1).optimizer().steps()).isEqualTo(1);
        assertThat(experts.get(4).optimizer().steps()).isEqualTo(1);
    }

    @Test
    void mixture_overAllExperts_goesForwardAndBackward() {
        // mixture begins
        try (NDManager manager = TensorOps.newManager()) {
            RemoteMixtureOfExperts dmoe = RemoteMixtureOfExperts.builder(client, manager)
                    .grid("expert.[0:5]")
                    .inFeatures(512)
                    .kBest(2)
                    .build();

            try (RemoteTape tape = RemoteTape.open(manager)) {
                NDArray out = dmoe.forward(tape, tape.manager().randomNormal(new Shape(3, 512)));
                tape.backward(out.sum());
            }
            System.out.println(dmoe.parameters().get(0).getGradient());
            System.out.println(dmoe.statistics().rowsByExpert());
            // mixture ends
            assertThat(dmoe.statistics().failedCalls()).isZero();
            assertThat(dmoe.statistics().rowsByExpert().values().stream()
                            .mapToLong(Long::longValue)
                            .sum())
                    .isEqualTo(6);
        }
        assertThat(experts.stream().mapToLong(expert -> expert.optimizer().steps()))
                .anyMatch(steps -> steps == 1);
    }

    @Test
    void pipeline_ofTwoExpertsAndAHead_trainsThemAll() {
        RemoteExpert expert1 = client.expert(new ExpertUid("expert.1")).block();
        RemoteExpert expert4 = client.expert(new ExpertUid("expert.4")).block();

        // batches begins
        float[] numbers = new float[3 * 512];
        Arrays.fill(numbers, 0.5f);
        HostTensor inputs = HostTensor.of(numbers, 3, 512);
        HostTensor targets = HostTensor.of(new float[] {1, 2, 3}, 3, 1);
        Flux<Batch> batches = Flux.range(0, 1000).map(i -> new Batch(i, 0, List.of(inputs), List.of(targets)));
        // batches ends

        // pipeline begins
        try (NDManager manager = TensorOps.newManager()) {
            Linear head = Linear.builder().setUnits(1).build();
            head.initialize(manager, DataType.FLOAT32, new Shape(1, 512));

            try (TrainingPipeline pipeline = TrainingPipeline.builder(client)
                    .remote("first", expert4)
                    .remote("second", expert1)
                    .local("head", head)
                    .loss(Loss.meanSquaredError())
                    .optimizer(OptimizerConfig.adam(0.001))
                    .concurrency(4)
                    .build()) {
                pipeline.train(batches.take(20))
                        .doOnNext(report -> System.out.println(report.step() + ": " + report.loss()))
                        .blockLast();
                TrainerState state = pipeline.capture().block();
                System.out.println(state.nextBatch());
            }
        }
        // pipeline ends
        // A server takes one step for all batches that meet there.
        assertThat(experts.get(1).optimizer().steps()).isBetween(5, 20);
        assertThat(experts.get(4).optimizer().steps()).isBetween(5, 20);
    }

    @Test
    void pipeline_throughAMixture_trainsItsGateAndSomeExperts() {
        HostTensor inputs = HostTensor.of(new float[3 * 512], 3, 512);
        HostTensor targets = HostTensor.of(new float[] {1, 2, 3}, 3, 1);
        Flux<Batch> batches = Flux.range(0, 1000).map(i -> new Batch(i, 0, List.of(inputs), List.of(targets)));

        // mixed begins
        try (NDManager manager = TensorOps.newManager()) {
            RemoteMixtureOfExperts dmoe = RemoteMixtureOfExperts.builder(client, manager)
                    .grid("expert.[0:5]")
                    .inFeatures(512)
                    .kBest(2)
                    .build();
            Linear head = Linear.builder().setUnits(1).build();
            head.initialize(manager, DataType.FLOAT32, new Shape(1, 512));

            try (TrainingPipeline pipeline = TrainingPipeline.builder(client)
                    .mixture("experts", dmoe)
                    .local("head", head)
                    .loss(Loss.meanSquaredError())
                    .optimizer(OptimizerConfig.adam(0.001))
                    .build()) {
                pipeline.train(batches.take(20)).blockLast();
                System.out.println(pipeline.evaluate(batches.take(1)).block().loss());
            }
        }
        // mixed ends
        assertThat(experts.stream()
                        .mapToLong(expert -> expert.optimizer().steps())
                        .sum())
                .isGreaterThanOrEqualTo(20);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "host",
                "connect",
                "experts",
                "backward",
                "training",
                "block",
                "reactive",
                "mixture",
                "batches",
                "pipeline",
                "mixed"
            })
    void quickstart_showsWhatIsRunHere(String part) throws IOException {
        assertThat(Files.readString(QUICKSTART)).contains("```java\n" + snippet(part));
    }

    /** The lines between two markers, moved to the margin. */
    private static String snippet(String part) throws IOException {
        List<String> source = Files.readAllLines(SOURCE);
        List<String> lines = source.subList(marker(source, part + " begins") + 1, marker(source, part + " ends"));
        return String.join(
                "\n",
                lines.stream()
                        .filter(line -> !line.strip().equals("experts.add(ffn);"))
                        .map(line -> line.isEmpty() ? line : line.substring(8))
                        .toList());
    }

    private static int marker(List<String> source, String text) {
        for (int i = 0; i < source.size(); i++) {
            if (source.get(i).strip().equals("// " + text)) {
                return i;
            }
        }
        throw new AssertionError("There is no marker " + text);
    }
}
