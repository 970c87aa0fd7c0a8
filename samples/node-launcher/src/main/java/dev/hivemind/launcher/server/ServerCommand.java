package dev.hivemind.launcher.server;

import dev.hivemind.launcher.metrics.MetricsEndpoint;
import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.launcher.process.EndSignal;
import dev.hivemind.launcher.process.ParentWatch;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hivemind server}: hosts experts and announces them to other peers until it is stopped. */
@Command(
        name = "server",
        description = {
            "Host experts that other peers can find and train.",
            "Whether tensors travel compressed is the callers' choice, by their --compression: a server reads every form,"
                    + " and answers in the one that it is asked for."
        },
        footer = {
            "%nExamples:",
            "  hivemind server --num-experts 8 --expert-pattern 'ffn.[0:32].[0:32]' --listen-on 0.0.0.0:1337",
            "  hivemind server --num-experts 8 --expert-pattern 'ffn.[0:32].[0:32]' --initial-peers 127.0.0.1:1337"
        })
public final class ServerCommand extends HivemindCommand implements Callable<Integer> {

    /** What one dictionary of the DHT can name. */
    public static final int MAX_EXPERTS = 1_024;

    private static final Duration SHUTDOWN_GRACE = Duration.ofSeconds(5);

    @Mixin
    private ExpertChoice expert = new ExpertChoice();

    @Mixin
    private UidChoice uids = new UidChoice();

    @Mixin
    private NetworkChoice network = new NetworkChoice();

    @Mixin
    private LearningChoice learning = new LearningChoice();

    @Mixin
    private ServiceChoice service = new ServiceChoice();

    @Mixin
    private ComputeChoice compute = new ComputeChoice();

    @Mixin
    private MonitoringChoice monitoring = new MonitoringChoice();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides the experts' initial weights, together with each expert's number. Default:"
                    + " ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private JsonOption json = new JsonOption();

    @Option(names = "--exit-with-parent", hidden = true, description = "End when standard input ends.")
    private boolean exitWithParent;

    @Override
    public Integer call() throws InterruptedException {
        ServerOptions options = usable(this::options);
        requireRoomForExperts(options.uids());
        if (exitWithParent) {
            ParentWatch.start(SHUTDOWN_GRACE);
        }
        EndSignal end = EndSignal.listen();
        MeterRegistry meters = options.monitoring().metrics() == null
                ? new SimpleMeterRegistry()
                : new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        HostedServer server = usable(() -> HostedServer.start(options, meters));
        Runtime.getRuntime().addShutdownHook(new Thread(server::close, "hivemind-server-end"));
        try (MetricsEndpoint metrics = metrics(options, meters, server)) {
            announce(server, options, metrics);
            int code = serve(server, options, meters, end);
            server.close();
            return code;
        }
    }

    private int serve(HostedServer server, ServerOptions options, MeterRegistry meters, EndSignal end)
            throws InterruptedException {
        var sampler = new StatusSampler(meters, server.uids().size(), System::nanoTime);
        var display = StatusDisplay.start(
                sampler::sample,
                System.out,
                json.isGiven(),
                options.monitoring().statusPeriod());
        int code = end.await();
        display.dispose();
        if (!json.isGiven()) {
            say("Finishing the calls under way.");
        }
        server.drain();
        return code;
    }

    private static @Nullable MetricsEndpoint metrics(ServerOptions options, MeterRegistry meters, HostedServer server) {
        PeerAddress address = options.monitoring().metrics();
        return address != null && meters instanceof PrometheusMeterRegistry prometheus
                ? MetricsEndpoint.start(address, prometheus::scrape, server::isReady)
                : null;
    }

    private void requireRoomForExperts(UidOptions chosen) {
        if (chosen.count() > MAX_EXPERTS) {
            throw usageError(
                    "A prefix of the DHT holds at most %d experts, not %d.".formatted(MAX_EXPERTS, chosen.count()));
        }
        ExpertGrid grid = chosen.grid();
        int first = chosen.firstIndex() == null ? 0 : chosen.firstIndex();
        if (grid != null && grid.cells() - first < chosen.count()) {
            throw usageError("%s has %d cells, too few for %d experts from number %d on."
                    .formatted(grid, grid.cells(), chosen.count(), first));
        }
    }

    /** What an action gives; options that it finds out of their bounds are an error of usage. */
    private <T> T usable(Supplier<T> action) {
        try {
            return action.get();
        } catch (IllegalArgumentException e) {
            throw usageError(e);
        }
    }

    private void announce(HostedServer server, ServerOptions options, @Nullable MetricsEndpoint metrics) {
        if (json.isGiven()) {
            announceToPrograms(server, options, metrics);
        } else {
            announceToPeople(server, options, metrics);
        }
    }

    private static void announceToPrograms(
            HostedServer server, ServerOptions options, @Nullable MetricsEndpoint metrics) {
        Map<String, @Nullable Object> ready = new LinkedHashMap<>();
        ready.put("event", "ready");
        ready.put("peerId", server.id().toString());
        ready.put("addresses", server.addresses());
        ready.put("uidPrefix", options.uids().space());
        ready.put("uids", server.uids());
        ready.put("numExperts", server.uids().size());
        ready.put("metricsPort", metrics == null ? null : metrics.port());
        new JsonLines(System.out).write(ready);
    }

    private void announceToPeople(HostedServer server, ServerOptions options, @Nullable MetricsEndpoint metrics) {
        var names = server.uids();
        say("Hosting %d %s experts, %s to %s, as peer %s."
                .formatted(
                        names.size(),
                        expert.expertClass(),
                        names.get(0),
                        names.get(names.size() - 1),
                        server.id().toShortString()));
        server.addresses().forEach(address -> say("Others join with --initial-peers " + address));
        if (metrics != null) {
            say("Metrics are at http://%s/metrics".formatted(new PeerAddress(monitoredHost(options), metrics.port())));
        }
        if (isOutOfReach(server, options.network().initialPeers())) {
            say("Only this machine can reach it, though it joined others: give it a --listen-on of its own.");
        }
        say("Ctrl-C ends it.");
    }

    private static String monitoredHost(ServerOptions options) {
        PeerAddress address = options.monitoring().metrics();
        return address == null ? "127.0.0.1" : address.host();
    }

    /** Whether it tells peers elsewhere to connect to loopback addresses. */
    private static boolean isOutOfReach(HostedServer server, List<PeerAddress> initialPeers) {
        return !initialPeers.isEmpty()
                && initialPeers.stream().noneMatch(PeerAddress::isLoopback)
                && server.addresses().stream().allMatch(PeerAddress::isLoopback);
    }

    /** The options of the command line that was read. */
    ServerOptions options() {
        return new ServerOptions(
                expert.expertClass(),
                expert.modules(),
                expert.options(),
                uids.options(),
                network.options(),
                learning.options(),
                service.options(),
                compute.options(),
                monitoring.options(),
                seed,
                json.isGiven(),
                exitWithParent);
    }
}
