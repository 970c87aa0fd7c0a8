package dev.hivemind.dashboard.swarm;

import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dht.crawl.Crawl;
import dev.hivemind.dht.crawl.Visit;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * One stay in a swarm, from joining until nobody answers any more: round after round, all nodes are visited, and those that
 * answer are subscribed to. Used on the collector's thread.
 */
final class Session {

    /** Nodes that are visited. */
    static final int MAX_NODES = 1_000;

    private static final Duration CALL_TIMEOUT = Duration.ofSeconds(3);
    private static final Duration ROUND = Duration.ofSeconds(3);

    /** Known nodes come first in a round, and those that do not answer must not keep the next round from them. */
    private static final Duration LONGEST_ROUND = Duration.ofSeconds(20);

    private static final Duration PER_NODE = Duration.ofMillis(20);
    private static final Duration LOOK_PERIOD = Duration.ofSeconds(1);
    private static final Duration WATCH_PERIOD = Duration.ofSeconds(10);

    /** So many rounds in a row without any answer of a node that was known before, and the swarm is lost. */
    private static final int EMPTY_ROUNDS = 2;

    /** So many failed visits in a row, and a node is no longer visited unless others name it. */
    private static final int MAX_FAILURES = 5;

    private static final int MAX_DIALS = 4;

    private final Watched watched;
    private final SwarmHistory history;
    private final Scheduler collector;
    private final DhtTransport transport;
    private final DhtRpc rpc;
    private final SilentStrangers strangers;
    private final PrefixWatches prefixes;
    private final NodeFeeds feeds;
    private final Map<PeerId, Known> known = new LinkedHashMap<>();
    private final Disposable.Composite probes = Disposables.composite();
    private int emptyRounds;
    private boolean met;

    /** A node that answered once, and how often it has not since. */
    private record Known(Contact contact, int failures) {}

    Session(Watched watched, SwarmHistory history, Scheduler collector, DhtTransport transport, Parts parts) {
        this.watched = watched;
        this.history = history;
        this.collector = collector;
        this.transport = transport;
        this.rpc = new EncodedDhtRpc(transport, CALL_TIMEOUT, collector);
        this.strangers = new SilentStrangers(rpc, collector);
        ExpertDirectory directory = parts.directory();
        this.prefixes = new PrefixWatches(prefix -> directory.watch(prefix, WATCH_PERIOD), history, collector);
        this.feeds = parts.feeds(this::probe);
    }

    /** What a session is made of that depends on the membership. */
    interface Parts {

        ExpertDirectory directory();

        NodeFeeds feeds(java.util.function.Consumer<Contact> onEnd);
    }

    /**
     * Watches until the swarm is lost, then completes. Cancelling ends it.
     *
     * @param entrances where to meet the first nodes
     */
    Mono<Void> watch(Entrances entrances) {
        Mono<Void> rounds = Mono.defer(() -> round(entrances))
                .then(Mono.defer(() -> Mono.delay(pause(), collector)))
                .repeat(() -> emptyRounds < EMPTY_ROUNDS)
                .then();
        Flux<Long> looks = Flux.interval(Duration.ZERO, LOOK_PERIOD, collector)
                .onBackpressureDrop()
                .doOnNext(tick -> look());
        return looks.takeUntilOther(rounds).then().doFinally(signal -> collector.schedule(this::end));
    }

    private void end() {
        prefixes.dispose();
        history.forgetDeclarations();
        feeds.dispose();
        probes.dispose();
    }

    private Duration pause() {
        Duration all = PER_NODE.multipliedBy(known.size());
        return all.compareTo(ROUND) > 0 ? all : ROUND;
    }

    /** Who was not met before may belong to another swarm, which the one that was joined is not. */
    private Mono<Void> round(Entrances entrances) {
        Set<PeerId> old = Set.copyOf(known.keySet());
        boolean first = !met;
        met = true;
        return contacts(entrances)
                .flatMapMany(contacts -> new Crawl(strangers, MAX_NODES).from(contacts))
                .take(LONGEST_ROUND, collector)
                .publishOn(collector)
                .doOnNext(this::visited)
                .filter(Visit::answers)
                .filter(visit -> first || old.contains(visit.peer().peerId()))
                .count()
                .doOnNext(this::visitedAll)
                .then();
    }

    private Mono<List<Contact>> contacts(Entrances entrances) {
        List<Contact> contacts =
                new ArrayList<>(known.values().stream().map(Known::contact).toList());
        if (emptyRounds == 0 && !contacts.isEmpty()) {
            return Mono.just(contacts);
        }
        return Flux.fromIterable(entrances.all())
                .flatMap(this::meet, MAX_DIALS)
                .collectList()
                .map(met -> {
                    contacts.addAll(met);
                    return contacts;
                });
    }

    private Mono<Contact> meet(PeerAddress address) {
        return transport
                .meet(address)
                .timeout(CALL_TIMEOUT, Mono.empty(), collector)
                .onErrorComplete(RpcException.class);
    }

    private void visited(Visit visit) {
        PeerId id = visit.peer().peerId();
        Known before = known.get(id);
        if (visit.answers()) {
            List<PeerId> named = visit.named().stream()
                    .filter(contact -> !contact.isClientOnly())
                    .map(Contact::peerId)
                    .distinct()
                    .toList();
            history.answered(id, visit.peer().addresses(), before == null ? null : visit.took(), named);
            known.put(id, new Known(visit.peer(), 0));
        } else if (before != null) {
            failed(before);
        } else {
            strangers.silent(visit.peer());
        }
    }

    private void failed(Known node) {
        PeerId id = node.contact().peerId();
        history.outOfReach(id);
        if (node.failures() + 1 >= MAX_FAILURES) {
            known.remove(id);
        } else {
            known.put(id, new Known(node.contact(), node.failures() + 1));
        }
    }

    private void visitedAll(long answers) {
        emptyRounds = answers == 0 ? emptyRounds + 1 : 0;
        while (known.size() > MAX_NODES) {
            known.remove(known.keySet().iterator().next());
        }
    }

    /** The events of a node have stopped: looks at once whether it is still there. */
    private void probe(Contact contact) {
        Disposable.Swap running = Disposables.swap();
        probes.add(running);
        running.update(rpc.ping(contact)
                .publishOn(collector)
                .doFinally(signal -> probes.remove(running))
                .subscribe(pong -> {}, error -> {
                    Known node = known.get(contact.peerId());
                    if (node != null) {
                        failed(node);
                    }
                }));
    }

    private void look() {
        List<ExpertPrefix> wanted = new ArrayList<>(watched.prefixes());
        history.prefixes().forEach(name -> wanted.add(prefix(name)));
        prefixes.watchOnly(wanted);
        feeds.update(known.values().stream()
                .filter(node -> node.failures() == 0)
                .map(Known::contact)
                .toList());
    }

    /** Of a name that is part of a uid, so that it is well-formed. */
    private static ExpertPrefix prefix(String name) {
        return new ExpertPrefix(name + ".");
    }
}
