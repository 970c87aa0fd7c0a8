package dev.hivemind.launcher.dashboard;

import dev.hivemind.dashboard.Dashboard;
import dev.hivemind.dashboard.DashboardOptions;
import dev.hivemind.dashboard.web.PortTakenException;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.launcher.process.EndSignal;
import dev.hivemind.launcher.process.ParentWatch;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** {@code hivemind dashboard}: shows a swarm in the browser until it is stopped. */
@Command(
        name = "dashboard",
        description = {
            "Show a swarm in the browser: who is there, which experts are busy, what fails, how trainings go.",
            "It joins the swarm as a peer that hosts nothing. Without a swarm it waits for one."
        },
        footer = "%nExample: hivemind dashboard --initial-peers 127.0.0.1:1337")
public final class DashboardCommand extends HivemindCommand implements Callable<Integer> {

    private static final Duration SHUTDOWN_GRACE = Duration.ofSeconds(5);

    @Option(
            names = {"--initial-peers", "--peer"},
            paramLabel = "HOST:PORT",
            required = true,
            split = ",",
            splitSynopsisLabel = ",",
            converter = AddressConverter.OfPeer.class,
            description = "Peers of the swarm, with commas between them; one that answers is enough.")
    private List<PeerAddress> initialPeers = List.of();

    @Option(
            names = "--host",
            paramLabel = "HOST",
            defaultValue = DashboardOptions.DEFAULT_HOST,
            description =
                    "The address of this machine at which browsers and trainers reach it. Anybody who does can look."
                            + " Default: ${DEFAULT-VALUE}, this machine alone.")
    @SuppressWarnings("NullAway.Init")
    private String host;

    @Option(
            names = "--port",
            paramLabel = "PORT",
            defaultValue = "" + DashboardOptions.DEFAULT_PORT,
            converter = NumberConverters.NotNegative.class,
            description = "Where browsers reach it; 0 takes a free port. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--report-port",
            paramLabel = "PORT",
            defaultValue = "0",
            converter = NumberConverters.NotNegative.class,
            description = "Where trainers report to; 0 takes a free port. Default: ${DEFAULT-VALUE}.")
    private int reportPort;

    @Option(
            names = "--allowed-hosts",
            paramLabel = "NAME",
            split = ",",
            splitSynopsisLabel = ",",
            description =
                    "Names under which browsers may ask for it, besides addresses and localhost, such as that of a"
                            + " proxy in front of it. Default: none.")
    private Set<String> allowedHosts = Set.of();

    @Option(
            names = "--prefix",
            paramLabel = "NAME",
            split = ",",
            splitSynopsisLabel = ",",
            converter = PrefixConverter.class,
            description = "Names of experts to look for, such as ffn. Default: those that servers tell of.")
    private List<ExpertPrefix> prefixes = List.of();

    @Mixin
    private JsonOption json = new JsonOption();

    @Option(names = "--exit-with-parent", hidden = true, description = "End when standard input ends.")
    private boolean exitWithParent;

    @Override
    public Integer call() throws InterruptedException {
        DashboardOptions options = options();
        if (exitWithParent) {
            ParentWatch.start(SHUTDOWN_GRACE);
        }
        EndSignal end = EndSignal.listen();
        try (Dashboard dashboard = start(options)) {
            announce(dashboard);
            return end.await();
        }
    }

    private static Dashboard start(DashboardOptions options) {
        try {
            return Dashboard.start(options);
        } catch (PortTakenException taken) {
            throw new LauncherException(String.valueOf(taken.getMessage()));
        }
    }

    private DashboardOptions options() {
        try {
            return new DashboardOptions(
                    initialPeers,
                    prefixes,
                    host,
                    port,
                    allowedHosts,
                    new PeerAddress(host, reportPort),
                    LauncherVersion.number(),
                    LauncherVersion.commit());
        } catch (IllegalArgumentException unusable) {
            throw usageError(unusable);
        }
    }

    private void announce(Dashboard dashboard) {
        if (json.isGiven()) {
            Map<String, Object> ready = new LinkedHashMap<>();
            ready.put("event", "ready");
            ready.put("url", dashboard.url());
            ready.put("addresses", List.of(dashboard.reportAddress()));
            new JsonLines(System.out).write(ready);
        } else {
            say("The dashboard is at " + dashboard.url());
            say("Trainers report to " + dashboard.reportAddress());
            say("Ctrl-C ends it.");
        }
    }

    /** Reads {@code NAME}, with or without a dot at its end. */
    static final class PrefixConverter implements ITypeConverter<ExpertPrefix> {

        @Override
        public ExpertPrefix convert(String text) {
            try {
                return new ExpertPrefix(text.endsWith(".") ? text : text + ".");
            } catch (IllegalArgumentException malformed) {
                throw new TypeConversionException(String.valueOf(malformed.getMessage()));
            }
        }
    }
}
