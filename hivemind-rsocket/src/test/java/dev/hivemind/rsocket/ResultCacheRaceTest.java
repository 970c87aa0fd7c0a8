package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** Callers of the same call on many threads, who give up at any moment. */
class ResultCacheRaceTest {

    private static final PeerId PEER = PeerIdentity.generate().id();
    private static final int THREADS = 4;
    private static final int ROUNDS = 1_500;
    private static final long TIMEOUT_SECONDS = 60;

    private final ExecutorService threads = Executors.newFixedThreadPool(2 * THREADS);
    private final ResultCache cache = new ResultCache(1 << 20, 100_000);
    private final Queue<ByteBuf> buffers = new ConcurrentLinkedQueue<>();

    @AfterEach
    void stop() {
        threads.shutdownNow();
    }

    private ByteBuf buffer(long value) {
        ByteBuf buffer = ByteBufAllocator.DEFAULT.buffer(Long.BYTES).writeLong(value);
        buffers.add(buffer);
        return buffer;
    }

    private Request request(long id) {
        var header = new FrameHeader(
                Operation.EXPERT_BACKWARD,
                "ffn.1",
                new CallId(0, id),
                Deadline.after(Duration.ofMinutes(5)),
                0,
                List.of());
        return new Request(header, buffer(id));
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13})
    void call_byManyThreads_takesEffectOnceAndGivesAllTheSame(long seed) throws Exception {
        List<Shared> calls = IntStream.range(0, ROUNDS).mapToObj(Shared::new).toList();
        var together = new CyclicBarrier(THREADS);

        List<Future<?>> ends = IntStream.range(0, THREADS)
                .<Future<?>>mapToObj(thread -> threads.submit(() -> {
                    var random = new Random(seed * THREADS + thread);
                    for (Shared call : calls) {
                        together.await();
                        attempt(call, random);
                    }
                    return null;
                }))
                .toList();
        await(ends);
        calls.forEach(this::settle);
        cache.dispose();

        assertThat(calls).allSatisfy(call -> {
            assertThat(call.effects).hasValueLessThanOrEqualTo(1);
            assertThat(call.results).hasSizeLessThanOrEqualTo(1);
        });
        assertThat(calls.stream().filter(call -> call.effects.get() == 1)).hasSizeGreaterThan(ROUNDS / 4);
        threads.shutdown();
        assertThat(threads.awaitTermination(TIMEOUT_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(buffers).allMatch(buffer -> buffer.refCnt() == 0);
    }

    private static void await(List<Future<?>> ends) throws InterruptedException, ExecutionException, TimeoutException {
        for (Future<?> end : ends) {
            end.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        }
    }

    /** Calls, and perhaps gives up while the handler is at work on another thread. */
    private void attempt(Shared call, Random random) {
        Request request = request(call.id);
        int patience = random.nextInt(200);
        boolean givesUp = random.nextBoolean();
        boolean fails = random.nextInt(4) == 0;
        Disposable subscription = Mono.using(() -> request, given -> ask(call, given, fails), Request::release)
                .subscribe(call.results::add, error -> {}, () -> {}, ResultCache.LATE_SIGNALS);
        for (int spin = 0; givesUp && spin < patience; spin++) {
            Thread.onSpinWait();
        }
        if (givesUp) {
            subscription.dispose();
        }
    }

    private Mono<Long> ask(Shared call, Request request, boolean fails) {
        var key = new CallKey(PEER, request.header().callId());
        return cache.call(key, request, point -> work(call, request, point, fails))
                .map(ResultCacheRaceTest::value);
    }

    private Mono<Reply> work(Shared call, Request request, PointOfNoReturn point, boolean fails) {
        ByteBuf body = request.body().retain();
        return Mono.<Reply>create(end -> threads.execute(() -> {
            long id = body.getLong(body.readerIndex());
            body.release();
            if (fails) {
                end.error(new ExpertFailedException("before the point"));
            } else if (point.pass()) {
                int effect = call.effects.incrementAndGet();
                end.success(new Reply(List.of(), buffer(1_000 * id + effect)));
            }
        }));
    }

    private static long value(Reply reply) {
        try {
            return reply.body().getLong(reply.body().readerIndex());
        } finally {
            reply.release();
        }
    }

    /** A last retry sees the effect that was, or else takes effect itself. */
    private void settle(Shared call) {
        Request request = request(call.id);
        try {
            call.results.add(ask(call, request, false)
                    .onErrorResume(ExpertFailedException.class, joinedAFailure -> ask(call, request, false))
                    .block(Duration.ofSeconds(TIMEOUT_SECONDS)));
            assertThat(call.effects).hasValue(1);
            assertThat(call.results).containsExactly(1_000 * call.id + 1);
        } finally {
            request.release();
        }
    }

    /** One call id, whoever uses it. */
    private static final class Shared {

        private final long id;
        private final AtomicInteger effects = new AtomicInteger();
        private final Set<Long> results = ConcurrentHashMap.newKeySet();

        Shared(int id) {
            this.id = id;
        }
    }
}
