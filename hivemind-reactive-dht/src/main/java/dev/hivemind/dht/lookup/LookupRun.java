package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Scheduler;

/** One subscription to a lookup: connects the state machine with calls, timers and the subscriber. */
final class LookupRun {

    private final Supplier<IterativeLookup> machineSource;
    private final FindRequest question;
    private final DhtRpc rpc;
    private final Scheduler.Worker loop;
    private final LookupListener listener;
    private final LookupConfig config;
    private final MonoSink<LookupResult> sink;

    /** Calls and timers under way; disposed when the subscriber is served or gone. */
    private final Disposable.Composite outstanding = Disposables.composite();

    LookupRun(
            LookupRequest request,
            Supplier<IterativeLookup> machineSource,
            LookupRunner.Environment environment,
            MonoSink<LookupResult> sink) {
        this.machineSource = machineSource;
        this.question = new FindRequest(List.of(request.target()), request.wantsValue());
        this.rpc = environment.rpc();
        this.loop = environment.loop();
        this.listener = environment.listener();
        this.config = environment.config();
        this.sink = sink;
    }

    void start() {
        sink.onDispose(outstanding);
        onLoop(() -> {
            IterativeLookup machine = machineSource.get();
            outstanding.add(after(config.deadline(), () -> finish(machine)));
            advance(machine);
        });
    }

    private void advance(IterativeLookup machine) {
        for (Contact contact : machine.next()) {
            ask(machine, contact);
        }
        if (machine.isDone()) {
            finish(machine);
        }
    }

    /** Gives slow calls up before they can fail: only the listener may find out whether those peers are gone. */
    private void finish(IterativeLookup machine) {
        machine.silent().forEach(listener::silent);
        sink.success(machine.result());
    }

    private void ask(IterativeLookup machine, Contact contact) {
        Disposable softTimeout = after(config.softTimeout(), () -> {
            machine.slow(contact.id());
            advance(machine);
        });
        outstanding.add(softTimeout);
        outstanding.add(rpc.find(contact, question)
                .switchIfEmpty(Mono.error(() -> new PeerUnavailableException("The peer gave no answer")))
                .doFinally(signal -> softTimeout.dispose())
                .subscribe(
                        answer -> onLoop(() -> answered(machine, contact, answer)),
                        error -> onLoop(() -> failed(machine, contact, error))));
    }

    private void answered(IterativeLookup machine, Contact contact, Answer<FindReply> answer) {
        listener.answered(answer.from());
        machine.answered(contact.id(), answer.reply().results().get(0));
        advance(machine);
    }

    private void failed(IterativeLookup machine, Contact contact, Throwable error) {
        listener.failed(contact, error);
        machine.failed(contact.id());
        advance(machine);
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
            sink.error(new IllegalStateException("The DHT node is closed", closed));
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
                sink.error(fault);
            }
        };
    }
}
