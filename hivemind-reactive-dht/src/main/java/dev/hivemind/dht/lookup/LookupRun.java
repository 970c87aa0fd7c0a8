package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.storage.DhtValue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.scheduler.Scheduler;

/**
 * One subscription to some lookups: connects their state machines with calls, timers and the subscriber.
 *
 * <p>The lookups travel together. Whoever is asked for one target is in the same call asked for others, up to
 * {@value FindRequest#MAX_TARGETS}, to which it is promising as well: a call costs far more than another target in it. And
 * whomever one lookup hears of, the others hear of too.
 */
final class LookupRun implements Disposable {

    private final Supplier<List<IterativeLookup>> source;
    private final boolean values;
    private final LookupRunner.Environment environment;
    private final Scheduler.Worker loop;
    private final LookupListener listener;
    private final LookupSink sink;
    private final Set<IterativeLookup> lookups = new LinkedHashSet<>();

    /** A bound for peers that keep inventing others; beyond it, what one lookup hears is its own. */
    private static final int MAX_SHARED = 8_192;

    /** Whom some lookup has heard of already; not used by a lookup that travels alone. */
    private final Set<NodeId> known = new HashSet<>();

    /** Calls under way, in their order. */
    private final Set<Call> calls = new LinkedHashSet<>();

    /** Calls and timers under way; disposed when the subscriber is served or gone. */
    private final Disposable.Composite outstanding = Disposables.composite();

    private final Disposable.Swap deadline = Disposables.swap();

    /**
     * @param source the state machines, created on the loop
     * @param values whether records are wanted besides contacts
     */
    LookupRun(
            Supplier<List<IterativeLookup>> source,
            boolean values,
            LookupRunner.Environment environment,
            LookupSink sink) {
        this.source = source;
        this.values = values;
        this.environment = environment;
        this.loop = environment.loop();
        this.listener = environment.listener();
        this.sink = sink;
    }

    void start() {
        onLoop(() -> {
            lookups.addAll(source.get());
            outstanding.add(deadline);
            restartDeadline();
            advance(List.copyOf(lookups));
        });
    }

    /** The subscriber wants more; the time that it took does not count. */
    void resume() {
        onLoop(() -> {
            boolean waited = sink.isBehind();
            sink.wanted();
            if (waited && !sink.isBehind()) {
                restartDeadline();
            }
            advance(List.copyOf(lookups));
        });
    }

    private void restartDeadline() {
        deadline.update(after(environment.config().deadline(), () -> {
            if (!sink.isBehind()) {
                endAll(List.copyOf(lookups));
            }
        }));
    }

    /** Takes the next steps of lookups to which something happened. */
    private void advance(Collection<IterativeLookup> moved) {
        for (IterativeLookup lookup : moved) {
            DhtValue found = lookup.value();
            if (found != null && !lookup.hasEnded()) {
                sink.grown(found);
            }
        }
        if (!sink.isBehind() && !outstanding.isDisposed()) {
            askForNext(moved);
        }
        if (!outstanding.isDisposed()) {
            endAll(done(moved));
        }
    }

    private static List<IterativeLookup> done(Collection<IterativeLookup> moved) {
        List<IterativeLookup> done = new ArrayList<>();
        for (IterativeLookup lookup : moved) {
            if (!lookup.hasEnded() && lookup.isDone()) {
                done.add(lookup);
            }
        }
        return done;
    }

    private void askForNext(Collection<IterativeLookup> moved) {
        if (moved.size() > 1) {
            questions(moved).forEach(this::ask);
            return;
        }
        for (IterativeLookup lookup : moved) {
            List<Contact> next = lookup.hasEnded() ? List.of() : lookup.next();
            next.forEach(contact -> ask(contact, List.of(lookup)));
        }
    }

    /** Whom to ask now, and for which lookups. */
    private Map<Contact, List<IterativeLookup>> questions(Collection<IterativeLookup> moved) {
        Map<Contact, List<IterativeLookup>> questions = new LinkedHashMap<>();
        for (IterativeLookup lookup : moved) {
            if (!lookup.hasEnded()) {
                lookup.next()
                        .forEach(contact -> questions
                                .computeIfAbsent(contact, any -> new ArrayList<>())
                                .add(lookup));
            }
        }
        return questions;
    }

    private void ask(Contact contact, List<IterativeLookup> asking) {
        for (int from = 0; from < asking.size(); from += FindRequest.MAX_TARGETS) {
            int to = Math.min(from + FindRequest.MAX_TARGETS, asking.size());
            List<IterativeLookup> passengers = new ArrayList<>(asking.subList(from, to));
            fill(passengers, contact.id());
            new Call(contact, passengers).send();
        }
    }

    /** Those nearest to the peer have the most to gain from it. */
    private void fill(List<IterativeLookup> passengers, NodeId peer) {
        if (lookups.size() <= passengers.size() || passengers.size() >= FindRequest.MAX_TARGETS) {
            return;
        }
        List<IterativeLookup> nearestFirst = new ArrayList<>(lookups);
        nearestFirst.sort((left, right) -> peer.compareDistance(left.target(), right.target()));
        Iterator<IterativeLookup> others = nearestFirst.iterator();
        while (others.hasNext() && passengers.size() < FindRequest.MAX_TARGETS) {
            IterativeLookup other = others.next();
            if (other.joins(peer)) {
                passengers.add(other);
            }
        }
    }

    /** Gives slow calls up before they can fail: only the listener may find out whether those peers are gone. */
    private void endAll(List<IterativeLookup> done) {
        for (IterativeLookup lookup : done) {
            lookup.end();
            lookups.remove(lookup);
            lookup.silent().forEach(listener::silent);
            sink.ended(lookup.result());
        }
        if (!done.isEmpty()) {
            List.copyOf(calls).forEach(Call::giveUpIfUseless);
        }
        if (lookups.isEmpty() && !done.isEmpty()) {
            sink.complete();
        }
    }

    private Disposable after(Duration delay, Runnable task) {
        return loop.schedule(guard(task), delay.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void onLoop(Runnable task) {
        if (outstanding.isDisposed()) {
            return;
        }
        try {
            loop.schedule(guard(task));
        } catch (RejectedExecutionException closed) {
            sink.fail(new IllegalStateException("The DHT node is closed", closed));
        }
    }

    /** Nothing happens once the subscriber is served or gone, and a fault reaches the subscriber. */
    private Runnable guard(Runnable task) {
        return () -> {
            if (outstanding.isDisposed()) {
                return;
            }
            try {
                task.run();
            } catch (RuntimeException fault) {
                sink.fail(fault);
            }
        };
    }

    @Override
    public void dispose() {
        outstanding.dispose();
    }

    /** One peer that is asked for some lookups. Confined to the loop. */
    private final class Call {

        private final Contact contact;
        private final List<IterativeLookup> passengers;
        private final Disposable.Composite parts = Disposables.composite();

        Call(Contact contact, List<IterativeLookup> passengers) {
            this.contact = contact;
            this.passengers = passengers;
        }

        void send() {
            calls.add(this);
            outstanding.add(parts);
            parts.add(after(environment.config().softTimeout(), this::slow));
            List<NodeId> targets = new ArrayList<>(passengers.size());
            passengers.forEach(lookup -> targets.add(lookup.target()));
            parts.add(environment
                    .rpc()
                    .find(contact, new FindRequest(targets, values))
                    .subscribe(answer -> onLoop(() -> answered(answer)), error -> onLoop(() -> failed(error))));
        }

        private void slow() {
            passengers.forEach(lookup -> lookup.slow(contact.id()));
            advance(passengers);
        }

        private void answered(Answer<FindReply> answer) {
            end();
            listener.answered(answer.from());
            for (int i = 0; i < passengers.size(); i++) {
                passengers
                        .get(i)
                        .answered(contact.id(), answer.reply().results().get(i));
            }
            if (lookups.size() > 1) {
                share(answer.reply());
            }
            advance(passengers);
        }

        private void share(FindReply reply) {
            Map<NodeId, Contact> news = new LinkedHashMap<>();
            for (FindResult result : reply.results()) {
                for (Contact named : result.closest()) {
                    if (known.size() < MAX_SHARED && known.add(named.id())) {
                        news.put(named.id(), named);
                    }
                }
            }
            int hop = passengers.get(0).hop(contact.id()) + 1;
            lookups.forEach(lookup -> lookup.heard(news.values(), hop));
        }

        private void failed(Throwable error) {
            end();
            listener.failed(contact, error);
            passengers.forEach(lookup -> lookup.failed(contact.id()));
            advance(passengers);
        }

        void giveUpIfUseless() {
            if (passengers.stream().allMatch(IterativeLookup::hasEnded)) {
                end();
            }
        }

        private void end() {
            calls.remove(this);
            outstanding.remove(parts);
            parts.dispose();
        }
    }
}
