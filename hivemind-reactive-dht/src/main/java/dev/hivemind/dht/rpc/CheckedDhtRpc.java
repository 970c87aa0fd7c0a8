package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.storage.Authenticity;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Inspection;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Drops what is not authentic from what peers answer; an answer with many forgeries is none, but a
 * {@link ProtocolViolationException}. Thread-safe.
 */
public final class CheckedDhtRpc implements DhtRpc {

    private final DhtRpc rpc;
    private final Authenticity authenticity;
    private final Scheduler worker;

    /**
     * Checks what another one receives.
     *
     * @param worker where signatures are checked; stays the caller's
     */
    public CheckedDhtRpc(DhtRpc rpc, Authenticity authenticity, Scheduler worker) {
        this.rpc = requireNonNull(rpc, "rpc");
        this.authenticity = requireNonNull(authenticity, "authenticity");
        this.worker = requireNonNull(worker, "worker");
    }

    @Override
    public Mono<Answer<Pong>> ping(Contact to) {
        return rpc.ping(to);
    }

    @Override
    public Mono<Answer<FindReply>> find(Contact to, FindRequest request) {
        return rpc.find(to, request).flatMap(answer -> check(answer, request));
    }

    private Mono<Answer<FindReply>> check(Answer<FindReply> answer, FindRequest request) {
        return isTrusted(answer.reply())
                ? Mono.just(answer)
                : Mono.fromCallable(() -> new Answer<>(answer.from(), welcome(answer.reply(), request)))
                        .subscribeOn(worker);
    }

    private boolean isTrusted(FindReply reply) {
        for (FindResult result : reply.results()) {
            if (result.value() != null && !authenticity.trusts(result.value())) {
                return false;
            }
        }
        return true;
    }

    private FindReply welcome(FindReply reply, FindRequest request) {
        Inspection inspection = authenticity.inspection();
        List<FindResult> results = new ArrayList<>();
        for (int i = 0; i < reply.results().size(); i++) {
            FindResult result = reply.results().get(i);
            var value = result.value() == null
                    ? null
                    : inspection.welcome(request.targets().get(i), result.value());
            results.add(new FindResult(result.closest(), value));
        }
        return new FindReply(results);
    }

    @Override
    public Flux<DhtValue> watch(Contact to, WatchRequest request) {
        return rpc.watch(to, request)
                .concatMap(
                        value -> Mono.fromCallable(
                                        () -> authenticity.inspection().welcome(request.target(), value))
                                .subscribeOn(worker),
                        0);
    }

    @Override
    public Mono<Answer<StoreReply>> store(Contact to, StoreRequest request) {
        return rpc.store(to, request);
    }
}
