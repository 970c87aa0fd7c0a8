package dev.hivemind.dashboard.swarm;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.Pong;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Asks nobody again for a minute whom others named and who did not answer: calls to them fail at once, so that one who
 * names many that do not exist takes no time. Safe for use from any thread.
 */
final class SilentStrangers implements DhtRpc {

    static final int MAX_REMEMBERED = 2_000;
    static final Duration PAUSE = Duration.ofMinutes(1);

    private final DhtRpc rpc;
    private final Scheduler scheduler;
    private final Map<Contact, Long> until = new LinkedHashMap<>();

    SilentStrangers(DhtRpc rpc, Scheduler scheduler) {
        this.rpc = rpc;
        this.scheduler = scheduler;
    }

    /** One at these addresses has not answered. The one of longest ago is forgotten for it, if there are too many. */
    synchronized void silent(Contact stranger) {
        if (until.size() >= MAX_REMEMBERED && !until.containsKey(stranger)) {
            until.remove(until.keySet().iterator().next());
        }
        until.putIfAbsent(stranger, now() + PAUSE.toMillis());
    }

    private long now() {
        return scheduler.now(TimeUnit.MILLISECONDS);
    }

    private synchronized boolean isSilent(Contact peer) {
        Long end = until.get(peer);
        if (end == null) {
            return false;
        }
        if (end <= now()) {
            until.remove(peer);
            return false;
        }
        return true;
    }

    @Override
    public Mono<Answer<FindReply>> find(Contact to, FindRequest request) {
        return Mono.defer(() -> isSilent(to)
                ? Mono.error(new PeerUnavailableException("It did not answer a moment ago"))
                : rpc.find(to, request));
    }

    @Override
    public Mono<Answer<Pong>> ping(Contact to) {
        return rpc.ping(to);
    }

    @Override
    public Flux<DhtValue> watch(Contact to, WatchRequest request) {
        return rpc.watch(to, request);
    }

    @Override
    public Mono<Answer<StoreReply>> store(Contact to, StoreRequest request) {
        return rpc.store(to, request);
    }
}
