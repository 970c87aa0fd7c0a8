package dev.hivemind.dashboard.swarm;

import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dht.expert.DirectoryChange;
import dev.hivemind.dht.expert.ExpertPrefix;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.util.retry.Retry;

/**
 * Watches prefixes of experts in the DHT, from the name of a grid down to its last dimension. A grid that is no longer looked
 * for is given up, and none takes more than its share. Used on the collector's thread.
 */
final class PrefixWatches implements Disposable {

    /** Prefixes watched at once. */
    static final int MAX_WATCHES = 256;

    /** Of those, what is kept for the names of grids. */
    private static final int FOR_GRIDS = 64;

    private static final Duration RETRY = Duration.ofSeconds(10);
    private static final Logger LOG = LoggerFactory.getLogger(PrefixWatches.class);

    private final Function<ExpertPrefix, Flux<DirectoryChange>> directory;
    private final SwarmHistory history;
    private final Scheduler collector;
    private final Map<ExpertPrefix, Map<ExpertPrefix, Disposable>> grids = new HashMap<>();
    private boolean disposed;

    /**
     * Watches nothing yet.
     *
     * @param directory watches a prefix
     */
    PrefixWatches(Function<ExpertPrefix, Flux<DirectoryChange>> directory, SwarmHistory history, Scheduler collector) {
        this.directory = directory;
        this.history = history;
        this.collector = collector;
    }

    /** Watches those and no others; those first that come first. */
    void watchOnly(Collection<ExpertPrefix> prefixes) {
        if (disposed) {
            return;
        }
        Set<ExpertPrefix> wanted = new LinkedHashSet<>(prefixes);
        for (Iterator<Map.Entry<ExpertPrefix, Map<ExpertPrefix, Disposable>>> all =
                        grids.entrySet().iterator();
                all.hasNext(); ) {
            Map.Entry<ExpertPrefix, Map<ExpertPrefix, Disposable>> grid = all.next();
            if (!wanted.contains(grid.getKey())) {
                grid.getValue().values().forEach(Disposable::dispose);
                all.remove();
            }
        }
        wanted.stream().filter(grid -> !grids.containsKey(grid)).forEach(grid -> watch(grid, grid));
    }

    private boolean hasRoom(ExpertPrefix grid, ExpertPrefix prefix) {
        int all = grids.values().stream().mapToInt(Map::size).sum();
        if (prefix.equals(grid)) {
            return all < MAX_WATCHES;
        }
        return all < MAX_WATCHES - FOR_GRIDS && watchesOf(grid).size() < MAX_WATCHES / (grids.size() + 1);
    }

    private Map<ExpertPrefix, Disposable> watchesOf(ExpertPrefix grid) {
        return grids.getOrDefault(grid, Map.of());
    }

    private void watch(ExpertPrefix grid, ExpertPrefix prefix) {
        if (disposed || watchesOf(grid).containsKey(prefix) || !hasRoom(grid, prefix)) {
            return;
        }
        Flux<DirectoryChange> changes = directory
                .apply(prefix)
                .retryWhen(Retry.fixedDelay(Long.MAX_VALUE, RETRY).scheduler(collector))
                .publishOn(collector);
        Disposable.Swap watch = Disposables.swap();
        grids.computeIfAbsent(grid, unknown -> new HashMap<>()).put(prefix, watch);
        watch.update(changes.subscribe(
                change -> changed(grid, prefix, change),
                error -> LOG.debug("The prefix {} is watched no more: {}", prefix, error.toString())));
    }

    private void changed(ExpertPrefix grid, ExpertPrefix prefix, DirectoryChange change) {
        if (!change.expert().uid().value().equals(prefix.value() + change.coordinate())) {
            watch(grid, prefix.child(change.coordinate()));
        } else if (change.kind() == DirectoryChange.Kind.LEFT) {
            history.withdrawn(change.expert());
        } else {
            history.declared(change.expert());
        }
    }

    @Override
    public void dispose() {
        disposed = true;
        grids.values().forEach(watches -> watches.values().forEach(Disposable::dispose));
        grids.clear();
    }
}
