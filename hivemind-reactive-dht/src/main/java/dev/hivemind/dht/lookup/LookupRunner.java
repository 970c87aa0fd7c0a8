package dev.hivemind.dht.lookup;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Lifetimes;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
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
     * fails because of peers that do not answer: where all have to confirm, the result tells who did.
     *
     * @param seeds the nearest peers that the node knows; asked for on the node's loop
     */
    public Mono<LookupResult> run(LookupRequest request, Supplier<List<Contact>> seeds) {
        return Mono.create(sink -> {
            var run = new LookupRun(
                    () -> List.of(machine(request, seeds.get())), request.wantsValue(), environment, new One(sink));
            sink.onDispose(run);
            run.start();
        });
    }

    /**
     * Like {@link #run}, for several targets whose questions to the same peers travel together; emits each result as
     * soon as it stands. Holds as many results as there are requests until they are wanted.
     *
     * @param requests at least one; values are wanted of all or of none
     */
    public Flux<LookupResult> runAll(List<LookupRequest> requests, Function<LookupRequest, List<Contact>> seeds) {
        List<LookupRequest> copy = List.copyOf(requests);
        return Flux.create(sink -> {
            var run = new LookupRun(
                    () -> copy.stream()
                            .map(request -> machine(request, seeds.apply(request)))
                            .toList(),
                    copy.get(0).wantsValue(),
                    environment,
                    new Several(sink));
            sink.onDispose(run);
            run.start();
        });
    }

    /**
     * What is found under a target while it is looked for: the value known at first, and again each time that it has
     * grown. While something found waits for demand, nobody else is asked, and what is found meanwhile grows into it.
     */
    public Flux<DhtValue> stream(LookupRequest request, Supplier<List<Contact>> seeds) {
        return Flux.create(
                sink -> {
                    var growing = new Growing(sink);
                    var run = new LookupRun(() -> List.of(machine(request, seeds.get())), true, environment, growing);
                    sink.onDispose(run);
                    sink.onRequest(wanted -> run.resume());
                    run.start();
                },
                FluxSink.OverflowStrategy.ERROR);
    }

    private IterativeLookup machine(LookupRequest request, List<Contact> seeds) {
        return new IterativeLookup(request, self, seeds, environment.config().alpha(), lifetimes);
    }

    private record One(MonoSink<LookupResult> sink) implements LookupSink {

        @Override
        public void ended(LookupResult result) {
            sink.success(result);
        }

        @Override
        public void complete() {}

        @Override
        public void fail(Throwable fault) {
            sink.error(fault);
        }
    }

    private record Several(FluxSink<LookupResult> sink) implements LookupSink {

        @Override
        public void ended(LookupResult result) {
            sink.next(result);
        }

        @Override
        public void complete() {
            sink.complete();
        }

        @Override
        public void fail(Throwable fault) {
            sink.error(fault);
        }
    }

    /** Emits values no faster than they are wanted, each merged from all before. Confined to the loop. */
    private static final class Growing implements LookupSink {

        private final FluxSink<DhtValue> sink;
        private @Nullable DhtValue told;
        private @Nullable DhtValue waiting;
        private boolean ended;

        Growing(FluxSink<DhtValue> sink) {
            this.sink = sink;
        }

        @Override
        public boolean isBehind() {
            return waiting != null;
        }

        @Override
        public void grown(DhtValue value) {
            waiting = value == told ? null : value;
            tell();
        }

        @Override
        public void wanted() {
            tell();
        }

        private void tell() {
            if (waiting != null && sink.requestedFromDownstream() > 0) {
                DhtValue value = waiting;
                told = value;
                waiting = null;
                sink.next(value);
            }
            if (ended && waiting == null) {
                sink.complete();
            }
        }

        @Override
        public void ended(LookupResult result) {
            ended = true;
            tell();
        }

        @Override
        public void complete() {}

        @Override
        public void fail(Throwable fault) {
            sink.error(fault);
        }
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
