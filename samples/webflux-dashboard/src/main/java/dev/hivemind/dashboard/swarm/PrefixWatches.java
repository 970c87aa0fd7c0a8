package dev.hivemind.dashboard.swarm;

import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dht.expert.DirectoryChange;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.util.retry.Retry;

/**
 * Watches prefixes of experts in the DHT, from the name of a grid down to its last dimension. Used on the collector's thread.
 */
final class PrefixWatches implements Disposable {

    /** Prefixes watched at once. */
    static final int MAX_WATCHES = 256;

    private static final Duration PERIOD = Duration.ofSeconds(10);
    private static final Duration RETRY = Duration.ofSeconds(10);
    private static final Logger LOG = LoggerFactory.getLogger(PrefixWatches.class);

    private final ExpertDirectory directory;
    private final SwarmHistory history;
    private final Scheduler collector;
    private final Set<ExpertPrefix> watched = new HashSet<>();
    private final Disposable.Composite watches = Disposables.composite();

    PrefixWatches(ExpertDirectory directory, SwarmHistory history, Scheduler collector) {
        this.directory = directory;
        this.history = history;
        this.collector = collector;
    }

    /** Watches those too. */
    void watchAll(Collection<ExpertPrefix> prefixes) {
        prefixes.forEach(this::watch);
    }

    private void watch(ExpertPrefix prefix) {
        if (watches.isDisposed() || watched.size() >= MAX_WATCHES || !watched.add(prefix)) {
            return;
        }
        Flux<DirectoryChange> changes = directory
                .watch(prefix, PERIOD)
                .retryWhen(Retry.fixedDelay(Long.MAX_VALUE, RETRY).scheduler(collector))
                .publishOn(collector);
        watches.add(changes.subscribe(
                change -> changed(prefix, change),
                error -> LOG.debug("The prefix {} is watched no more: {}", prefix, error.toString())));
    }

    private void changed(ExpertPrefix prefix, DirectoryChange change) {
        if (!change.expert().uid().value().equals(prefix.value() + change.coordinate())) {
            watch(prefix.child(change.coordinate()));
        } else if (change.kind() == DirectoryChange.Kind.LEFT) {
            history.withdrawn(change.expert());
        } else {
            history.declared(change.expert());
        }
    }

    @Override
    public void dispose() {
        watches.dispose();
    }
}
