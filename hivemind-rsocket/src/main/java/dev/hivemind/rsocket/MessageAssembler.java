package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import io.rsocket.Payload;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;
import reactor.util.concurrent.Queues;
import reactor.util.context.Context;

/**
 * Payloads of one direction of a channel as messages, the reverse of {@link MessageChunks}. Begins a message when it is
 * wanted and the channel's {@link BodyIntake} has room, and has at most {@link #PREFETCH} payloads under way or waiting.
 * Whatever breaks the format ends the channel with a {@link ProtocolViolationException}. The receiver of a message
 * releases it.
 */
final class MessageAssembler extends Flux<Message> {

    /** Payloads that may be under way. */
    static final int PREFETCH = 16;

    private static final int REPLENISH = PREFETCH - PREFETCH / 4;

    private final Publisher<Payload> payloads;
    private final BodyIntake.Limits limits;

    MessageAssembler(Publisher<Payload> payloads, BodyIntake.Limits limits) {
        this.payloads = payloads;
        this.limits = limits;
    }

    @Override
    public void subscribe(CoreSubscriber<? super Message> actual) {
        payloads.subscribe(new Assembly(actual, limits));
    }

    /**
     * One direction of one channel. Signals come from any thread; the fields below {@code checkDue} belong to the one that takes
     * the steps.
     */
    private static final class Assembly extends SerialOperator<Payload, Message> {

        private final BodyIntake.Limits limits;
        private final Context context;
        private final Queue<Payload> queue = Queues.<Payload>get(PREFETCH).get();
        private volatile boolean checkDue;

        private final BodyIntake intake;
        private @Nullable Disposable watch;
        private int taken;

        Assembly(CoreSubscriber<? super Message> actual, BodyIntake.Limits limits) {
            super(actual, PREFETCH);
            this.limits = limits;
            this.context = LateErrors.ignoredIn(actual.currentContext());
            this.intake = new BodyIntake(limits, this::resumeLater);
        }

        /** RSocket drops the end of the connection here when it comes after the end of the call. */
        @Override
        public Context currentContext() {
            return context;
        }

        @Override
        public void onNext(Payload payload) {
            if (payload.data().readableBytes() > MessageChunks.MAX_CHUNK_BYTES) {
                refuse(payload, "A payload holds at most %d bytes".formatted(MessageChunks.MAX_CHUNK_BYTES));
            } else if (queue.offer(payload)) {
                drain();
            } else {
                refuse(payload, "The peer sent more payloads than were asked for");
            }
        }

        private void refuse(Payload payload, String why) {
            payload.release();
            source().cancel();
            onError(new ProtocolViolationException(why));
        }

        /** Whoever released a body is not to run what follows from that. */
        private void resumeLater() {
            Schedulers.parallel().schedule(this::drain);
        }

        private void checkProgress() {
            checkDue = true;
            drain();
        }

        @Override
        boolean step() {
            try {
                return advance();
            } catch (RuntimeException violation) {
                fail(violation);
                return false;
            }
        }

        private boolean advance() {
            if (checkDue) {
                checkDue = false;
                intake.requireProgress();
            }
            if (failure() != null) {
                end(failure());
                return false;
            }
            if (intake.isWaiting()) {
                return intake.tryStart();
            }
            Message complete = intake.poll();
            if (complete != null) {
                demand.take();
                actual.onNext(complete);
                return true;
            }
            return (intake.isInsideBody() || !demand.isZero()) && takePayload();
        }

        private boolean takePayload() {
            boolean last = hasSourceEnded();
            Payload payload = queue.poll();
            if (payload != null) {
                intake.accept(payload);
                watchProgress();
                replenish();
                return true;
            }
            if (last) {
                intake.requireComplete();
                end(null);
            }
            return false;
        }

        private void replenish() {
            if (++taken == REPLENISH) {
                taken = 0;
                source().request(REPLENISH);
            }
        }

        private void watchProgress() {
            if (watch == null && intake.isInsideBody()) {
                long millis = limits.patience().toMillis();
                watch = Schedulers.parallel()
                        .schedulePeriodically(this::checkProgress, millis, millis, TimeUnit.MILLISECONDS);
            }
        }

        @Override
        void discard() {
            intake.dispose();
            for (Payload payload = queue.poll(); payload != null; payload = queue.poll()) {
                payload.release();
            }
            if (watch != null) {
                watch.dispose();
                watch = null;
            }
        }
    }
}
