package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.routing.NodeId;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * What a node does by itself for as long as it lives: fills its table, asks now and then whether its oldest contact is
 * still there, and knocks again at the doors of the DHT. Moments are jittered, so that nodes that started together do
 * not stay in step.
 */
final class Upkeep {

    private static final Logger LOG = LoggerFactory.getLogger(Upkeep.class);

    /** How long after a partition has healed its halves meet again, at the latest. */
    private static final Duration KNOCK_PERIOD = Duration.ofSeconds(25);

    /** A visit is there to meet some peers, not the nearest of all. */
    private static final int VISIT_WIDTH = 8;

    private static final Duration SAVE_PERIOD = Duration.ofMinutes(5);
    private static final Duration RENEW_PERIOD = Duration.ofSeconds(7);
    private static final Duration CHECK_PERIOD = Duration.ofSeconds(15);

    private final NodeParts node;
    private final Membership membership;
    private final PathCache cache;
    private final Scheduler timer;
    private final SplittableRandom random;

    Upkeep(NodeParts node, Membership membership, PathCache cache, Scheduler timer) {
        this.cache = cache;
        this.node = node;
        this.membership = membership;
        this.timer = timer;
        this.random = new SplittableRandom(node.self().first());
    }

    /**
     * Begins; disposing the result ends everything that is under way.
     *
     * @param save remembers the contacts
     */
    Disposable start(Supplier<Mono<Void>> save) {
        return Disposables.composite(
                fillTable()
                        .subscribe(filled -> {}, error -> LOG.debug("The table was not filled: {}", error.toString())),
                every(node.config().refreshPeriod(), this::fillTable),
                every(SAVE_PERIOD, save),
                every(CHECK_PERIOD, this::checkOldest),
                every(RENEW_PERIOD, cache::renew),
                every(KNOCK_PERIOD, membership::knock));
    }

    private Disposable every(Duration period, Supplier<Mono<Void>> chore) {
        return Mono.defer(() -> Mono.delay(jittered(period), timer))
                .then(Mono.defer(chore).onErrorResume(error -> {
                    LOG.debug("A chore failed, and will be done again: {}", error.toString());
                    return Mono.empty();
                }))
                .repeat()
                .subscribe(done -> {}, error -> LOG.debug("There is no time any more: {}", error.toString()));
    }

    private Duration jittered(Duration period) {
        return Duration.ofMillis((long) (period.toMillis() * (0.8 + 0.4 * random.nextDouble())));
    }

    /** Looks for a random id in each range that the table distinguishes, one after another. */
    private Mono<Void> fillTable() {
        return node.loop()
                .call(() -> node.peers().table().refreshTargets(random))
                .flatMapMany(Flux::fromIterable)
                .concatMap(this::visit, 1)
                .then();
    }

    private Mono<Void> visit(NodeId target) {
        int width = Math.min(node.config().bucketSize(), VISIT_WIDTH);
        return node.look(LookupRequest.ofNodes(target, width)).then();
    }

    private Mono<Void> checkOldest() {
        return node.loop()
                .call(() -> {
                    node.peers().checkOldest();
                    return List.of();
                })
                .then();
    }
}
