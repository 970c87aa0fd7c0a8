package dev.hivemind.launcher;

import ai.djl.ndarray.NDManager;
import dev.hivemind.launcher.output.Progress;
import dev.hivemind.launcher.output.ProgressMeter;
import dev.hivemind.launcher.output.ProgressReporter;
import dev.hivemind.launcher.process.ChildProcesses;
import dev.hivemind.launcher.process.ServerProcess;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.data.BatchSource;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.mixture.MixtureStatistics;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.samples.trainer.FashionMnist;
import dev.hivemind.samples.trainer.PictureClassifier;
import dev.hivemind.samples.trainer.PictureClassifier.ModelSize;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The main job: trains the same classifier three times, with a mixture of remote experts that learn, without experts,
 * and with remote experts that do not learn. Experts live in child processes; this one knows nothing of them but the
 * address of one DHT node.
 */
final class Demo {

    private static final int HIDDEN_DIM = 64;
    private static final int K_BEST = 4;
    private static final int BATCH_SIZE = 64;
    private static final double LEARNING_RATE = 1e-3;
    private static final double EXPERT_LEARNING_RATE = 2e-3;
    private static final String MIXTURE = "Mixture of remote experts";
    private static final String LEARNING = "ffn";
    private static final String FROZEN = "frozen";
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);

    private final DemoOptions options;
    private final FashionMnist data;
    private final DemoDisplay display;
    private final ModelSize size;
    private final DemoDashboard dashboard;
    private int serversKilled;

    Demo(DemoOptions options, FashionMnist data, DemoDisplay display) {
        this.options = options;
        this.data = data;
        this.display = display;
        this.dashboard = new DemoDashboard(options.dashboardPort(), display);
        this.size = new ModelSize(data.training().features(), HIDDEN_DIM, FashionMnist.CLASSES);
    }

    DemoResult run() throws InterruptedException {
        try (dashboard) {
            MixtureOutcome learning = trainWithServers();
            double linear = trainLinear();
            double frozen = trainWithFrozenExperts();
            return new DemoResult(learning, linear, frozen, options.steps());
        }
    }

    private MixtureOutcome trainWithServers() throws InterruptedException {
        try (var children = ChildProcesses.of(Hivemind.class)) {
            display.say("Starting %d servers that share %d experts.".formatted(options.servers(), options.experts()));
            List<ServerProcess> servers = startServers(children);
            PeerAddress entry = servers.get(0).awaitReady(START_TIMEOUT).get(0);
            try (SwarmClient swarm = join(entry);
                    DemoReports reports = dashboard.reports(MIXTURE, swarm.node(), entry);
                    NDManager manager = TensorOps.newManager()) {
                var mixture = mixture(swarm, manager, LEARNING, reports);
                return train(reports, swarm, manager, mixture, step -> killHalfWay(servers, step));
            }
        }
    }

    private SwarmClient join(PeerAddress entry) {
        return SwarmClient.join(
                entry, CallPolicy.DEFAULT.withActivations(options.compression()).withGradients(options.compression()));
    }

    /** The first is up before the others start, which join it. */
    private List<ServerProcess> startServers(ChildProcesses children) throws InterruptedException {
        List<ServerProcess> servers = new ArrayList<>();
        List<PeerAddress> initialPeers = List.of();
        for (int server = 0; server < options.servers(); server++) {
            int first = server * options.experts() / options.servers();
            int end = (server + 1) * options.experts() / options.servers();
            var arguments = serverArguments(LEARNING, first, end - first, initialPeers);
            arguments.addAll(List.of("--optimizer", "adam", "--learning-rate", String.valueOf(EXPERT_LEARNING_RATE)));
            servers.add(children.start("Server " + (server + 1), arguments));
            if (server == 0) {
                initialPeers = servers.get(0).awaitReady(START_TIMEOUT);
                dashboard.start(initialPeers.get(0));
            }
        }
        for (ServerProcess server : servers) {
            server.awaitReady(START_TIMEOUT);
        }
        return servers;
    }

    private List<String> serverArguments(String prefix, int firstIndex, int experts, List<PeerAddress> initialPeers) {
        var arguments = new ArrayList<>(List.of("server", "--json", "--exit-with-parent"));
        arguments.addAll(
                List.of("--expert-pattern", grid(prefix).toString(), "--first-index", String.valueOf(firstIndex)));
        arguments.addAll(List.of("--num-experts", String.valueOf(experts)));
        arguments.addAll(List.of("--hidden-dim", String.valueOf(HIDDEN_DIM), "--seed", String.valueOf(options.seed())));
        if (!initialPeers.isEmpty()) {
            arguments.addAll(List.of("--initial-peers", initialPeers.get(0).toString()));
        }
        return arguments;
    }

    /** The first server is the one whose address everybody started from: its loss is the hardest. */
    private void killHalfWay(List<ServerProcess> servers, StepReport report) {
        if (options.kill() && report.step() == Math.max(1, options.steps() / 2)) {
            ServerProcess victim = servers.get(0);
            victim.killNow();
            serversKilled++;
            display.event(
                    "server-killed",
                    "%s, process %d, was killed without notice. Training goes on."
                            .formatted(victim.name(), victim.pid()),
                    Map.of("server", victim.name(), "pid", victim.pid(), "step", report.step()));
        }
    }

    private double trainLinear() {
        try (SwarmClient nobody = SwarmClient.alone();
                DemoReports reports = dashboard.reports("Without experts", nobody.node(), null);
                NDManager manager = TensorOps.newManager()) {
            return train(reports, nobody, manager, null, step -> {}).accuracy();
        }
    }

    private double trainWithFrozenExperts() throws InterruptedException {
        try (var children = ChildProcesses.of(Hivemind.class)) {
            var arguments = serverArguments(FROZEN, 0, options.experts(), List.of());
            arguments.addAll(List.of("--optimizer", "none"));
            PeerAddress entry = children.start("Server of frozen experts", arguments)
                    .awaitReady(START_TIMEOUT)
                    .get(0);
            try (SwarmClient swarm = join(entry);
                    DemoReports reports = dashboard.reports("Frozen random experts", swarm.node(), entry);
                    NDManager manager = TensorOps.newManager()) {
                var mixture = mixture(swarm, manager, FROZEN, reports);
                return train(reports, swarm, manager, mixture, step -> {}).accuracy();
            }
        }
    }

    /** Two-dimensional and as square as can be; the last cells may stay empty. */
    private ExpertGrid grid(String prefix) {
        int rows = (int) Math.ceil(Math.sqrt(options.experts()));
        int columns = (options.experts() + rows - 1) / rows;
        return ExpertGrid.of(prefix, rows, columns);
    }

    private RemoteMixtureOfExperts mixture(SwarmClient swarm, NDManager manager, String prefix, DemoReports reports) {
        swarm.awaitExperts(grid(prefix), options.experts(), START_TIMEOUT);
        return RemoteMixtureOfExperts.builder(swarm.experts(), manager)
                .grid(grid(prefix))
                .inFeatures(HIDDEN_DIM)
                .kBest(Math.min(K_BEST, options.experts()))
                .seed(options.seed())
                .events(reports.feed())
                .build();
    }

    private MixtureOutcome train(
            DemoReports reports,
            SwarmClient swarm,
            NDManager manager,
            @Nullable RemoteMixtureOfExperts mixture,
            Consumer<StepReport> afterStep) {
        long start = System.nanoTime();
        try (TrainingPipeline pipeline = pipeline(swarm, manager, mixture)) {
            double samplesPerSecond = train(reports, pipeline, afterStep);
            double accuracy = accuracy(pipeline);
            double seconds = (System.nanoTime() - start) / 1e9;
            display.trained(reports.run(), accuracy, seconds);
            return outcome(mixture, accuracy, seconds, samplesPerSecond);
        }
    }

    private TrainingPipeline pipeline(SwarmClient swarm, NDManager manager, @Nullable RemoteMixtureOfExperts mixture) {
        return PictureClassifier.describe(swarm.experts(), manager, size, mixture, options.seed())
                .optimizer(OptimizerConfig.adam(LEARNING_RATE))
                .schedule(new LearningRateSchedule.Cosine(0, options.steps(), 0))
                .onWaiting(waiting -> display.event(
                        "waiting",
                        "No expert answers. Giving up in %d s."
                                .formatted(waiting.left().toSeconds()),
                        Map.of(
                                "batch",
                                waiting.batch(),
                                "secondsLeft",
                                waiting.left().toSeconds())))
                .build();
    }

    private double train(DemoReports reports, TrainingPipeline pipeline, Consumer<StepReport> afterStep) {
        var batches = BatchSource.builder(data.training())
                .batchSize(BATCH_SIZE)
                .seed(options.seed())
                .build();
        var meter = new ProgressMeter(options.steps());
        try (ProgressReporter progress = display.progress(reports.run(), options.steps())) {
            return pipeline.train(batches.batches().take(options.steps()))
                    .map(report -> {
                        Progress reached = meter.add(report);
                        progress.report(reached);
                        reports.accept(report);
                        dashboard.tellWhenReady();
                        afterStep.accept(report);
                        return reached.samplesPerSecond();
                    })
                    .last(0.0)
                    .blockOptional()
                    .orElse(0.0);
        }
    }

    private double accuracy(TrainingPipeline pipeline) {
        return pipeline.evaluate(data.testBatches())
                .map(evaluation -> evaluation.accuracy().orElse(0))
                .blockOptional()
                .orElse(0.0);
    }

    private MixtureOutcome outcome(
            @Nullable RemoteMixtureOfExperts mixture, double accuracy, double seconds, double samplesPerSecond) {
        if (mixture == null) {
            return new MixtureOutcome(accuracy, seconds, samplesPerSecond, 0, 0, 0, 0);
        }
        MixtureStatistics statistics = mixture.statistics();
        int used = statistics.rowsByExpert().size();
        return new MixtureOutcome(
                accuracy, seconds, samplesPerSecond, statistics.calls(), statistics.failedCalls(), used, serversKilled);
    }

    /**
     * What one model achieved.
     *
     * @param accuracy share of the test pictures recognised
     * @param seconds of training and evaluation
     * @param samplesPerSecond while training
     * @param remoteCalls to experts, forward and backward
     * @param failedCalls among them
     * @param expertsUsed different experts that gave an output
     * @param serversKilled half way
     */
    record MixtureOutcome(
            double accuracy,
            double seconds,
            double samplesPerSecond,
            long remoteCalls,
            long failedCalls,
            int expertsUsed,
            int serversKilled) {}

    /**
     * What the demo found.
     *
     * @param mixture of remote experts that learn
     * @param linearAccuracy without experts
     * @param frozenAccuracy with experts that do not learn
     * @param steps each of the three was trained
     */
    record DemoResult(MixtureOutcome mixture, double linearAccuracy, double frozenAccuracy, int steps) {}
}
