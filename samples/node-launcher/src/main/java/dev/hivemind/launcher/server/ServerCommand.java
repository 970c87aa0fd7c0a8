package dev.hivemind.launcher;

import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.process.ParentWatch;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hivemind server}: hosts experts and announces them to other peers until it is stopped. */
@Command(
        name = "server",
        description = "Host experts that other peers can find and train.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true)
final class ServerCommand implements Callable<Integer> {

    private static final Duration SHUTDOWN_GRACE = Duration.ofSeconds(5);

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Mixin
    private ExpertChoice expert = new ExpertChoice();

    @Option(
            names = "--num-experts",
            paramLabel = "N",
            defaultValue = "5",
            converter = NumberConverters.Positive.class,
            description = "How many experts to host. Default: ${DEFAULT-VALUE}.")
    private int numExperts;

    @Option(
            names = "--uid-prefix",
            paramLabel = "PREFIX",
            defaultValue = "expert",
            converter = UidPrefixConverter.class,
            description = "What the experts' uids start with: PREFIX.0, PREFIX.1 and so on. Default: ${DEFAULT-VALUE}.")
    private String uidPrefix = "";

    @Option(
            names = {"--expert-pattern", "--uid-space"},
            paramLabel = "GRID",
            converter = GridConverter.class,
            description =
                    "The grid whose cells the experts are, instead of a prefix, for example ffn.[0:4].[0:4]. Default: none.")
    private @Nullable ExpertGrid grid;

    @Option(
            names = "--first-index",
            paramLabel = "N",
            defaultValue = "0",
            converter = NumberConverters.NotNegative.class,
            description =
                    "The number of the first expert, which ends its uid unless it lies in a grid. Cells count along"
                            + " the last dimension first. Default: ${DEFAULT-VALUE}.")
    private int firstIndex;

    @Option(
            names = "--listen-on",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:0",
            converter = AddressConverter.class,
            description = "Where to listen. Port 0 takes a free one. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private PeerAddress listenOn;

    @Option(
            names = "--initial-peers",
            paramLabel = "HOST:PORT",
            split = ",",
            converter = AddressConverter.OfPeer.class,
            description = "Peers to join, with commas between them. Default: none, be the first.")
    private List<PeerAddress> initialPeers = List.of();

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            defaultValue = "sgd",
            description = "How the experts learn: sgd, adam or none. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private OptimizerChoice optimizer;

    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            converter = NumberConverters.PositiveReal.class,
            description = "How far one step goes. Default: 0.05 for sgd, 0.001 for adam.")
    private @Nullable Double learningRate;

    @Option(
            names = "--max-batch-size",
            paramLabel = "ROWS",
            defaultValue = "4096",
            converter = NumberConverters.Positive.class,
            description = "The most rows to compute at once. Default: ${DEFAULT-VALUE}.")
    private int maxBatchSize;

    @Mixin
    private ComputeChoice compute = new ComputeChoice();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description =
                    "Decides the experts' initial weights, together with each expert's number. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--json", description = "Print one JSON object a line instead of text.")
    private boolean json;

    @Option(names = "--exit-with-parent", hidden = true, description = "End when standard input ends.")
    private boolean exitWithParent;

    @Override
    public Integer call() throws InterruptedException {
        requireRoomForExperts();
        if (exitWithParent) {
            ParentWatch.start(SHUTDOWN_GRACE);
        }
        HostedServer server = start(options());
        var ended = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            server.close();
                            ended.countDown();
                        },
                        "hivemind-server-end"));
        announce(server);
        ended.await();
        return ExitCodes.OK;
    }

    private void requireRoomForExperts() {
        if (numExperts > HostedServer.MAX_EXPERTS) {
            throw new ParameterException(
                    spec.commandLine(),
                    "A prefix of the DHT holds at most %d experts, not %d."
                            .formatted(HostedServer.MAX_EXPERTS, numExperts));
        }
        if (grid != null && grid.cells() - firstIndex < numExperts) {
            throw new ParameterException(
                    spec.commandLine(),
                    "%s has %d cells, too few for %d experts from number %d on."
                            .formatted(grid, grid.cells(), numExperts, firstIndex));
        }
    }

    private HostedServer start(ServerOptions options) {
        try {
            return HostedServer.start(options);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private void announce(HostedServer server) {
        if (json) {
            announceToPrograms(server);
        } else {
            announceToPeople(server);
        }
    }

    private void announceToPrograms(HostedServer server) {
        Map<String, Object> ready = new LinkedHashMap<>();
        ready.put("event", "ready");
        ready.put("peerId", server.id().toString());
        ready.put("addresses", server.addresses());
        ready.put("uidPrefix", grid == null ? uidPrefix : grid.toString());
        ready.put("firstIndex", firstIndex);
        ready.put("numExperts", numExperts);
        new JsonLines(System.out).write(ready);
    }

    private void announceToPeople(HostedServer server) {
        var out = spec.commandLine().getOut();
        out.printf(
                "Hosting %d %s experts, %s to %s, as peer %s.%n",
                numExperts,
                expert.expertClass(),
                options().uid(firstIndex),
                options().uid(firstIndex + numExperts - 1),
                server.id().toShortString());
        server.addresses().forEach(address -> out.printf("Others join with --initial-peers %s%n", address));
        if (isOutOfReach(server)) {
            out.println("Only this machine can reach it, though it joined others: give it a --listen-on of its own.");
        }
        out.println("Ctrl-C ends it.");
        out.flush();
    }

    /** Whether it tells peers elsewhere to connect to loopback addresses. */
    private boolean isOutOfReach(HostedServer server) {
        return !initialPeers.isEmpty()
                && initialPeers.stream().noneMatch(PeerAddress::isLoopback)
                && server.addresses().stream().allMatch(PeerAddress::isLoopback);
    }

    /** The options of the command line that was read. */
    ServerOptions options() {
        return new ServerOptions(
                expert.expertClass(),
                expert.options(),
                numExperts,
                uidPrefix,
                grid,
                firstIndex,
                listenOn,
                List.copyOf(initialPeers),
                optimizer,
                learningRate != null ? learningRate : optimizer.defaultLearningRate(),
                maxBatchSize,
                compute.options(),
                seed,
                json,
                exitWithParent);
    }
}
