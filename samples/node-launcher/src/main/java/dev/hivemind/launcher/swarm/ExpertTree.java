package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import java.util.List;
import java.util.Map;
import reactor.core.publisher.Flux;

/** The experts below a prefix, found by following the DHT's examples down to each of them. */
public final class ExpertTree {

    private static final int LOOKUPS_AT_ONCE = 4;

    private ExpertTree() {}

    /** All experts below a prefix, each as often as it has owners, in any order. */
    public static Flux<ExpertDescriptor> below(ExpertPrefix prefix, ExpertDirectory directory) {
        return directory
                .owners(prefix)
                .flatMapIterable(Map::entrySet)
                .flatMap(entry -> at(prefix, entry.getKey(), entry.getValue(), directory), LOOKUPS_AT_ONCE);
    }

    /** What has this very name, and what lies deeper, of which there are examples then. */
    private static Flux<ExpertDescriptor> at(
            ExpertPrefix prefix, int coordinate, List<ExpertDescriptor> examples, ExpertDirectory directory) {
        String here = prefix.uid(coordinate).value();
        boolean deeper =
                examples.stream().anyMatch(expert -> !expert.uid().value().equals(here));
        return Flux.fromIterable(examples)
                .filter(expert -> expert.uid().value().equals(here))
                .concatWith(deeper ? below(prefix.child(coordinate), directory) : Flux.empty());
    }
}
