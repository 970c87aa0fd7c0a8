package dev.hivemind.rsocket;

import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/** A small cache of results, its callers, and the runs of what they call. */
final class CacheFixture {

    static final int MAX_REPLIES = 16;
    static final int MAX_BYTES = MAX_REPLIES * Long.BYTES;
    static final int MAX_CALLS = 20;
    static final PeerId BOB = peer(2);

    private static final PeerId ALICE = peer(1);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    final ResultCache cache = new ResultCache(MAX_BYTES, MAX_CALLS);
    final List<Request> requests = new ArrayList<>();
    private final List<Caller> callers = new ArrayList<>();
    final List<Run> runs = new ArrayList<>();

    void release() {
        callers.forEach(Caller::cancel);
        cache.dispose();
        requests.forEach(Request::release);
    }

    private static PeerId peer(int index) {
        byte[] seed = new byte[32];
        seed[0] = (byte) index;
        return PeerIdentity.fromSeed(seed).id();
    }

    static CallKey key(long id) {
        return new CallKey(ALICE, new CallId(0, id));
    }

    Request request(CallKey key) {
        var header =
                new FrameHeader(Operation.EXPERT_BACKWARD, "ffn.1", key.id(), Deadline.after(TIMEOUT), 0, List.of());
        var request = new Request(
                header, ByteBufAllocator.DEFAULT.buffer(8).writeLong(key.id().low()));
        requests.add(request);
        return request;
    }

    static Reply reply(long value) {
        return new Reply(List.of(), ByteBufAllocator.DEFAULT.buffer(Long.BYTES).writeLong(value));
    }

    private static long value(Reply reply) {
        try {
            return reply.body().getLong(reply.body().readerIndex());
        } finally {
            reply.release();
        }
    }

    /** A call whose handler waits for what the test does to the run. */
    Caller call(CallKey key) {
        return call(key, point -> Mono.create(end -> runs.add(new Run(point, end))));
    }

    Caller call(CallKey key, Function<PointOfNoReturn, Mono<Reply>> work) {
        var caller = new Caller();
        callers.add(caller);
        caller.subscription = cache.call(key, request(key), work)
                .map(CacheFixture::value)
                .subscribe(value -> caller.value = value, error -> caller.error = error);
        return caller;
    }

    Run run(int index) {
        return runs.get(index);
    }

    /** A run of the handler, in the test's hands. */
    static final class Run {

        final PointOfNoReturn point;
        final MonoSink<Reply> end;
        boolean isCancelled;

        @Nullable Long lastValue;

        Run(PointOfNoReturn point, MonoSink<Reply> end) {
            this.point = point;
            this.end = end;
            end.onCancel(() -> isCancelled = true);
        }
    }

    /** Who called. */
    static final class Caller {

        @Nullable Disposable subscription;

        @Nullable Long value;

        @Nullable Throwable error;

        boolean hasEnded() {
            return value != null || error != null;
        }

        void cancel() {
            subscription.dispose();
        }
    }
}
