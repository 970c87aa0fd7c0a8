package dev.hivemind.dht.lookup;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.storage.Lifetimes;
import java.util.List;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** Runs the lookups of one node. Thread-safe; all state of a lookup is confined to the node's loop. */
public final class LookupRunner {

    private final NodeId self;
    private final Lifetimes lifetimes;
    private final Environment environment;

    /**
     * A runner for a node.
     *
     * @param self the node that asks
     * @param lifetimes which values are believed
     */
    public LookupRunner(NodeId self, Lifetimes lifetimes, Environment environment) {
        this.self = requireNonNull(self, "self");
        this.lifetimes = requireNonNull(lifetimes, "lifetimes");
        this.environment = requireNonNull(environment, "environment");
    }

    /**
     * Looks for peers or a value. Cold: each subscription is a lookup of its own.
     *
     * <p>Thread: the result is emitted on the node's loop. Cancellation gives up every call under way. A lookup never
     * fails because of peers that do not answer: the result tells who did.
     *
     * @param seeds the nearest peers that the node knows; asked for on the node's loop
     */
    public Mono<LookupResult> run(LookupRequest request, Supplier<List<Contact>> seeds) {
        return Mono.create(sink ->
                new LookupRun(request, () -> machine(request, seeds.get()), environment, sink).start());
    }

    private IterativeLookup machine(LookupRequest request, List<Contact> seeds) {
        return new IterativeLookup(request, self, seeds, environment.config().alpha(), lifetimes);
    }

    /**
     * What lookups need from their node.
     *
     * @param rpc how to ask; stays the node's
     * @param loop where everything happens, one task at a time; stays the node's
     * @param listener hears how peers behave
     * @param config the pace
     */
    public record Environment(DhtRpc rpc, Scheduler.Worker loop, LookupListener listener, LookupConfig config) {}
}
