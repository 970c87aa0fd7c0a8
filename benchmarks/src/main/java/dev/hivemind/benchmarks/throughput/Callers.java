package dev.hivemind.benchmarks.throughput;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.netty.resources.LoopResources;

/** The clients' process. Arguments: the name of the preset, and the port of the server. */
final class Callers {

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final Preset preset;
    private final List<ExpertCaller> callers;

    private Callers(Preset preset, PeerAddress server) {
        this.preset = preset;
        LoopResources loops =
                LoopResources.create("callers", Runtime.getRuntime().availableProcessors(), true);
        this.callers = IntStream.range(0, preset.clients())
                .mapToObj(i -> new ExpertCaller(preset, loops, server, i))
                .toList();
    }

    public static void main(String[] arguments) throws Exception {
        var server = new PeerAddress("127.0.0.1", Integer.parseInt(arguments[1]));
        var callers = new Callers(Preset.named(arguments[0]), server);
        System.out.println(new Figures().put("clients", callers.callers.size()).toLine());
        Commands.serve(Map.of(
                "usage", none -> usage(),
                "cold", none -> callers.cold(),
                "load", arguments1 -> callers.load(arguments1.get(0).longValue())));
        System.exit(0);
    }

    private static Figures usage() {
        return new Figures()
                .put("cpuMillis", OwnProcess.cpuMillis())
                .put("residentMiB", OwnProcess.residentMiB())
                .put("compileMillis", OwnProcess.compileMillis());
    }

    /** Every client makes its first calls. */
    private Figures cold() throws Exception {
        long start = System.nanoTime();
        Flux.fromIterable(callers)
                .flatMap(caller -> caller.round().repeat(preset.batches() - 1L), callers.size())
                .then()
                .toFuture()
                .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        double seconds = (System.nanoTime() - start) / 1e9;
        return new Figures()
                .put("samplesPerSecond", (double) preset.clients() * preset.batches() * preset.rows() / seconds);
    }

    private Figures load(long millis) throws Exception {
        return SteadyLoad.start(callers, Duration.ofMillis(millis))
                .get(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .figures(preset);
    }
}
