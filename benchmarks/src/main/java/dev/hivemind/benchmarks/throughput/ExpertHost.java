package dev.hivemind.benchmarks.throughput;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The server's process. Arguments: the name of the preset. Its first line of output says where it listens. */
final class ExpertHost {

    /** The optimizer of all experts. */
    static final String OPTIMIZER = "adam";

    private static final Duration TIMEOUT = Duration.ofMinutes(1);

    private final BatchCount batches = new BatchCount();
    private final BareDevices bare;
    private final int port;

    private ExpertHost(Preset preset) {
        PeerNode node =
                PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        var feed = new EventFeed(Clock.systemUTC());
        ExpertServer.Builder server = ExpertServer.builder(node)
                .events(feed)
                .maxBatchSize(preset.maxBatchSize())
                .minBatchSize(preset.minBatchSize(), Preset.LINGER);
        this.bare = new BareDevices(host(preset, server), preset.threads());
        batches.listenTo(feed);
        node.start().then(server.build().start()).block(TIMEOUT);
        this.port = requireNonNull(node.addresses().get(0)).port();
    }

    private static List<BareExpert> host(Preset preset, ExpertServer.Builder server) {
        List<BareExpert> experts = new ArrayList<>();
        for (int i = 0; i < preset.experts(); i++) {
            ExpertDefinition definition =
                    ExpertFactories.named(preset.kind()).create(new ExpertOptions(preset.hiddenDim(), i));
            ExpertBackend backend = ExpertBackend.create(definition, OptimizerConfig.adam());
            server.expert(Preset.uid(i), backend);
            experts.add(new BareExpert(definition, backend, preset.hiddenDim()));
        }
        return experts;
    }

    public static void main(String[] arguments) throws Exception {
        var host = new ExpertHost(Preset.named(arguments[0]));
        System.out.println(new Figures().put("port", host.port).toLine());
        Commands.serve(Map.of("usage", none -> host.usage(), "bare", host::bare));
        System.exit(0);
    }

    private Figures usage() {
        var figures = new Figures()
                .put("cpuMillis", OwnProcess.cpuMillis())
                .put("residentMiB", OwnProcess.residentMiB())
                .put("compileMillis", OwnProcess.compileMillis());
        batches.putTo(figures);
        return figures;
    }

    /** Arguments: rows of a forward batch, rows of a backward batch or 0, milliseconds. */
    private Figures bare(List<Double> arguments) throws Exception {
        double rate = bare.run(
                arguments.get(0).intValue(),
                arguments.get(1).intValue(),
                Duration.ofMillis(arguments.get(2).longValue()));
        return new Figures().put("samplesPerSecond", rate);
    }
}
