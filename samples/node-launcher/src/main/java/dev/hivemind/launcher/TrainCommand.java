package dev.hivemind.launcher;

import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.launcher.process.EndSignal;
import dev.hivemind.launcher.server.GridConverter;
import dev.hivemind.launcher.swarm.InitialPeers;
import dev.hivemind.moe.data.BatchSource;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.samples.trainer.FashionMnist;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hivemind train}: trains a classifier of pictures through the experts of any swarm. */
@Command(
        name = "train",
        description = {
            "Train a classifier of pictures of clothes through the experts of a swarm.",
            "A local layer before and one behind learn here, the experts between them on their own machines. Waits for"
                    + " peers and experts that are missing; Ctrl-C ends it after a last checkpoint."
        },
        footer = {
            "%nExamples:",
            "  hivemind train --initial-peers 127.0.0.1:1337",
            "  hivemind train --initial-peers 127.0.0.1:1337 --directory run --epochs 20 --report-to 127.0.0.1:8001",
            "  hivemind train --initial-peers 127.0.0.1:1337 --directory run --epochs 20 --resume"
        })
final class TrainCommand extends HivemindCommand implements Callable<Integer> {

    @Mixin
    private InitialPeers initialPeers = new InitialPeers();

    @Option(
            names = "--expert-pattern",
            paramLabel = "GRID",
            defaultValue = "ffn.[0:4].[0:4]",
            converter = GridConverter.class,
            description = "Where the experts lie, such as ffn.[0:32].[0:32], or expert.[0:5] for those of a server"
                    + " without a pattern. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private ExpertGrid grid;

    @Option(
            names = "--k-best",
            paramLabel = "N",
            defaultValue = "4",
            converter = NumberConverters.Positive.class,
            description = "How many experts each picture goes through. Default: ${DEFAULT-VALUE}.")
    private int kBest;

    @Option(
            names = "--epochs",
            paramLabel = "N",
            defaultValue = "7",
            converter = NumberConverters.Positive.class,
            description = "How often each picture is learned from. Default: ${DEFAULT-VALUE}.")
    private int epochs;

    @Option(
            names = "--steps",
            paramLabel = "N",
            converter = NumberConverters.Positive.class,
            description = "How many batches to learn from, instead of whole epochs.")
    private @Nullable Integer steps;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "64",
            converter = NumberConverters.Positive.class,
            description = "Pictures of a batch. Default: ${DEFAULT-VALUE}.")
    private int batchSize;

    @Option(
            names = "--concurrency",
            paramLabel = "N",
            defaultValue = "2",
            converter = NumberConverters.Positive.class,
            description = "Batches that are under way at once. Default: ${DEFAULT-VALUE}.")
    private int concurrency;

    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            defaultValue = "0.001",
            converter = NumberConverters.PositiveReal.class,
            description = "How far the local layers' first step of Adam goes; later ones fall to nothing. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double learningRate;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides initial weights and the order of the pictures. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private CompressionOption compression = new CompressionOption();

    @Option(
            names = "--wait",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "How long to wait for peers and experts that are missing. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration patience;

    @Option(
            names = "--directory",
            paramLabel = "DIR",
            description = "Where to keep checkpoints, reports.jsonl, and files for TensorBoard. Default: nowhere.")
    private @Nullable Path directory;

    @Option(names = "--resume", description = "Go on after the last checkpoint in the directory.")
    private boolean resume;

    @Option(
            names = "--report-to",
            paramLabel = "HOST:PORT",
            converter = AddressConverter.OfPeer.class,
            description = "Tell a dashboard that collects there of each step and each call. Default: nobody.")
    private @Nullable PeerAddress reportTo;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Directory with the four files of Fashion-MNIST. Default: the bundled 20,000 pictures.")
    private @Nullable Path data;

    @Mixin
    private JsonOption json = new JsonOption();

    @Override
    public Integer call() throws InterruptedException {
        TrainOptions options = options();
        requireSensible(options);
        EndSignal end = EndSignal.listen();
        var display = new TrainDisplay(System.out, options.json());
        try (FashionMnist pictures = data == null ? FashionMnist.bundled() : FashionMnist.from(data)) {
            var outcome = training(options, pictures, display, end).run();
            display.result(outcome);
            return outcome.isWhole() ? ExitCodes.OK : ExitCodes.INTERRUPTED;
        }
    }

    private PictureTraining training(TrainOptions options, FashionMnist pictures, TrainDisplay display, EndSignal end) {
        try {
            return new PictureTraining(options, pictures, display, end);
        } catch (IllegalArgumentException tooMuch) {
            throw usageError(tooMuch);
        }
    }

    private void requireSensible(TrainOptions options) {
        if (batchSize > BatchSource.MAX_BATCH_SIZE) {
            throw usageError("--batch-size is at most %d, not %d".formatted(BatchSource.MAX_BATCH_SIZE, batchSize));
        }
        if (options.run().resume() && options.run().directory() == null) {
            throw usageError("--resume needs the --directory of the run");
        }
        try {
            options.swarm().grid().requireHolds(kBest);
        } catch (IllegalArgumentException tooFew) {
            throw usageError(tooFew);
        }
    }

    /** The options of the command line that was read. */
    TrainOptions options() {
        return new TrainOptions(
                new TrainOptions.Swarm(initialPeers.addresses(), grid, kBest, compression.value(), patience),
                new TrainOptions.Learning(epochs, steps, batchSize, concurrency, learningRate, seed),
                new TrainOptions.Run(directory, resume, reportTo),
                data,
                json.isGiven());
    }
}
