package dev.hivemind.moe.server;

import dev.hivemind.dht.expert.DeclareReceipt;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Keeps experts declared in the DHT: at once, then every period, each time for two periods. A server that closes withdraws
 * them; when one dies, they disappear from the DHT by themselves. Failures are logged and made good by the next round.
 */
final class ExpertAnnouncer implements Disposable {

    private static final Logger LOG = LoggerFactory.getLogger(ExpertAnnouncer.class);
    private static final Duration MIN_LIFETIME = Duration.ofSeconds(3);

    /** How long closing waits for the DHT to take note of it. */
    static final Duration MAX_LEAVE = Duration.ofSeconds(2);

    private final ExpertDirectory directory;
    private final List<ExpertUid> uids;
    private final Function<ExpertUid, ExpertStatus> status;
    private final Duration period;
    private final AtomicReference<Disposable> heartbeat = new AtomicReference<>();
    private volatile boolean started;
    private volatile boolean disposed;

    /** @param status of an expert at the moment */
    ExpertAnnouncer(
            ExpertDirectory directory,
            List<ExpertUid> uids,
            Function<ExpertUid, ExpertStatus> status,
            Duration period) {
        this.directory = directory;
        this.uids = List.copyOf(uids);
        this.status = status;
        this.period = period;
    }

    /** Completes when the experts have been declared for the first time; they are kept declared from then on. */
    Mono<Void> start() {
        return declare().doFirst(() -> started = true).then(Mono.fromRunnable(this::beat));
    }

    private void beat() {
        Disposable subscription = Flux.interval(period)
                .onBackpressureDrop()
                .concatMap(tick -> declare().onErrorResume(this::logged), 0)
                .subscribe();
        heartbeat.set(subscription);
        if (disposed) {
            subscription.dispose();
        }
    }

    private Mono<DeclareReceipt> declare() {
        return Mono.defer(() -> directory.declare(statuses(), lifetime())).doOnNext(this::check);
    }

    private Map<ExpertUid, ExpertStatus> statuses() {
        return uids.stream().collect(Collectors.toMap(Function.identity(), status));
    }

    private Duration lifetime() {
        Duration lifetime = period.multipliedBy(2);
        return lifetime.compareTo(MIN_LIFETIME) < 0 ? MIN_LIFETIME : lifetime;
    }

    /** Declares the experts once more, because their status has changed; completes when that is done, or was in vain. */
    Mono<Void> tell() {
        return Mono.defer(() -> started ? declare().timeout(MAX_LEAVE).then() : Mono.empty())
                .onErrorResume(error -> logged(error).then());
    }

    /** Stops declaring and withdraws the experts; completes when that is done, or cannot be done in time. */
    Mono<Void> leave() {
        return Mono.<Void>fromRunnable(this::dispose).then(Mono.defer(() -> started ? withdrawn() : Mono.empty()));
    }

    private Mono<Void> withdrawn() {
        return directory.leave(uids, lifetime()).timeout(MAX_LEAVE).then().onErrorResume(error -> {
            LOG.warn(
                    "Could not withdraw {} experts, others see them for up to {} more: {}",
                    uids.size(),
                    lifetime(),
                    error.toString());
            return Mono.empty();
        });
    }

    private void check(DeclareReceipt receipt) {
        if (receipt.isComplete()) {
            LOG.debug("Declared {} experts in {} records", uids.size(), receipt.records());
        } else {
            LOG.warn(
                    "Only {} of the {} records about {} experts were stored: others may not find them all. A prefix"
                            + " holds 1,024 experts at most",
                    receipt.stored(),
                    receipt.records(),
                    uids.size());
        }
    }

    private Mono<DeclareReceipt> logged(Throwable error) {
        LOG.warn("Could not declare {} experts, will try again in {}: {}", uids.size(), period, error.toString());
        return Mono.empty();
    }

    /** Stops declaring; what is declared expires. */
    @Override
    public void dispose() {
        disposed = true;
        Disposable running = heartbeat.getAndSet(Disposables.disposed());
        if (running != null) {
            running.dispose();
        }
    }

    @Override
    public boolean isDisposed() {
        return disposed;
    }
}
