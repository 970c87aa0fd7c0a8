package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Sees what is stored at an id change. Some of the peers that keep it tell at once; what they do not tell, because it expired,
 * or they cannot, or are gone, is read once a period.
 *
 * @param node who watches
 * @param local whom it asks about what it keeps itself
 * @param timer measures time
 */
record Watch(NodeParts node, LocalNode local, Scheduler timer) {

    private static final Logger LOG = LoggerFactory.getLogger(Watch.class);

    /** How many keepers are asked to tell. */
    private static final int KEEPERS = 3;

    /** After which other keepers may be nearer, and are asked. */
    private static final Duration LEASE = Duration.ofMinutes(5);

    /** How long a watcher leaves peers alone of whom none tells any more. */
    private static final Duration PAUSE = Duration.ofSeconds(15);

    /**
     * What is stored now, and then each time that it is something else.
     *
     * @param read what is stored; nothing, too, is a value
     * @param period the pause between two reads
     */
    Flux<Optional<DhtValue>> changes(NodeId target, Mono<Optional<DhtValue>> read, Duration period) {
        if (period.isNegative() || period.isZero()) {
            throw new IllegalArgumentException("A watch reads again after a positive period");
        }
        return Flux.defer(() -> {
            var last = new AtomicReference<@Nullable DhtValue>();
            var news = new AtomicReference<@Nullable DhtValue>();
            Mono<Optional<DhtValue>> brought =
                    read.doFirst(() -> news.set(null)).map(value -> upToDate(value.orElse(null), news.get()));
            Flux<Optional<DhtValue>> told = told(target)
                    .doOnNext(value -> news.accumulateAndGet(value, (known, more) -> merged(known, value)))
                    .map(value -> upToDate(last.get(), value));
            return Flux.merge(1, reads(brought, period), told)
                    .doOnNext(value -> last.set(value.orElse(null)))
                    .distinctUntilChanged();
        });
    }

    /** What was told while a read was under way may be newer than what those had who were asked. */
    private Optional<DhtValue> upToDate(@Nullable DhtValue known, @Nullable DhtValue news) {
        DhtValue value = news == null ? known : merged(known, news);
        return value == null
                ? Optional.empty()
                : Optional.ofNullable(node.lifetimes().acceptable(value));
    }

    private static DhtValue merged(@Nullable DhtValue known, DhtValue news) {
        return known == null ? news : known.merge(news);
    }

    private Flux<Optional<DhtValue>> reads(Mono<Optional<DhtValue>> read, Duration period) {
        Mono<Optional<DhtValue>> patient = read.onErrorResume(RpcTransientException.class, error -> {
            LOG.debug("A watch could not read, and tries again: {}", error.toString());
            return Mono.empty();
        });
        return Flux.concat(patient, Mono.delay(period, timer).then(patient).repeat());
    }

    private Flux<DhtValue> told(NodeId target) {
        return node.look(LookupRequest.ofNodes(target, node.config().replicas()))
                .flatMapMany(found -> Flux.merge(sources(target, found)))
                .onErrorResume(RpcException.class, error -> Flux.empty())
                .repeatWhen(ended -> ended.concatMap(any -> Mono.delay(PAUSE, timer), 1));
    }

    private List<Flux<DhtValue>> sources(NodeId target, LookupResult found) {
        var request = new WatchRequest(target, LEASE);
        List<Contact> keepers =
                found.closest().subList(0, Math.min(KEEPERS, found.closest().size()));
        List<Flux<DhtValue>> sources = new ArrayList<>();
        var self = new Contact(node.self(), List.of());
        sources.add(unlessRefused(self, local.watch(request)));
        keepers.forEach(keeper -> sources.add(unlessRefused(
                keeper,
                node.rpc()
                        .watch(keeper, request)
                        .mapNotNull(value -> node.lifetimes().acceptable(value)))));
        return sources;
    }

    /** One keeper that does not tell is no reason to leave the others. */
    private static Flux<DhtValue> unlessRefused(Contact keeper, Flux<DhtValue> source) {
        return source.onErrorResume(RpcException.class, error -> {
            LOG.debug("{} tells nothing of changes: {}", keeper, error.getMessage());
            return Flux.empty();
        });
    }
}
