package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.AlreadyAppliedException;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.test.StepVerifier;

class ResultCacheTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final PeerId ALICE = peer(1);
    private static final PeerId BOB = peer(2);

    private static final int MAX_REPLIES = 16;
    private static final int MAX_BYTES = MAX_REPLIES * Long.BYTES;
    private static final int MAX_CALLS = 20;

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final ResultCache cache = new ResultCache(MAX_BYTES, MAX_CALLS);
    private final List<Request> requests = new ArrayList<>();
    private final List<Caller> callers = new ArrayList<>();
    private final List<Run> runs = new ArrayList<>();

    @AfterEach
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

    private static CallKey key(long id) {
        return new CallKey(ALICE, new CallId(0, id));
    }

    private Request request(CallKey key) {
        var header =
                new FrameHeader(Operation.EXPERT_BACKWARD, "ffn.1", key.id(), Deadline.after(TIMEOUT), 0, List.of());
        var request = new Request(
                header, ByteBufAllocator.DEFAULT.buffer(8).writeLong(key.id().low()));
        requests.add(request);
        return request;
    }

    private static Reply reply(long value) {
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
    private Caller call(CallKey key) {
        return call(key, point -> Mono.create(end -> runs.add(new Run(point, end))));
    }

    private Caller call(CallKey key, Function<PointOfNoReturn, Mono<Reply>> work) {
        var caller = new Caller();
        callers.add(caller);
        caller.subscription = cache.call(key, request(key), work)
                .map(ResultCacheTest::value)
                .subscribe(value -> caller.value = value, error -> caller.error = error);
        return caller;
    }

    private Run run(int index) {
        return runs.get(index);
    }

    @Test
    void call_repeatedAfterItsEnd_answersWithoutExecuting() {
        call(key(1));
        run(0).end.success(reply(42));

        assertThat(call(key(1)).value).isEqualTo(42);
        assertThat(runs).hasSize(1);
    }

    @Test
    void call_repeatedWhileItRuns_givesBothTheSameResult() {
        Caller first = call(key(1));
        Caller second = call(key(1));

        run(0).end.success(reply(42));

        assertThat(runs).hasSize(1);
        assertThat(first.value).isEqualTo(42);
        assertThat(second.value).isEqualTo(42);
    }

    @Test
    void call_ofAnotherPeerWithTheSameId_executes() {
        call(key(1));
        run(0).end.success(reply(42));

        call(new CallKey(BOB, key(1).id()));

        assertThat(runs).hasSize(2);
    }

    @Test
    void cancel_beforeThePointOfNoReturn_cancelsAndForgets() {
        call(key(1)).cancel();

        assertThat(run(0).isCancelled).isTrue();
        assertThat(run(0).point.pass()).isFalse();
        call(key(1));
        assertThat(runs).hasSize(2);
    }

    @Test
    void cancel_afterThePointOfNoReturn_keepsTheResultForTheRetry() {
        Caller first = call(key(1));
        assertThat(run(0).point.pass()).isTrue();

        first.cancel();
        run(0).end.success(reply(42));

        assertThat(run(0).isCancelled).isFalse();
        assertThat(call(key(1)).value).isEqualTo(42);
        assertThat(runs).hasSize(1);
    }

    @Test
    void cancel_ofOneOfTwoCallers_leavesTheRunToTheOther() {
        Caller first = call(key(1));
        Caller second = call(key(1));

        first.cancel();
        run(0).end.success(reply(42));

        assertThat(first.value).isNull();
        assertThat(second.value).isEqualTo(42);
    }

    @Test
    void pass_repeatedAfterTheEnd_staysTrue() {
        call(key(1));
        run(0).point.pass();
        run(0).end.success(reply(42));

        assertThat(run(0).point.pass()).isTrue();
    }

    @Test
    void fail_beforeThePointOfNoReturn_isForgotten() {
        Caller first = call(key(1));
        run(0).end.error(new OverloadedException("full", Duration.ofMillis(1)));

        call(key(1));

        assertThat(first.error).isInstanceOf(OverloadedException.class);
        assertThat(runs).hasSize(2);
    }

    @Test
    void fail_afterThePointOfNoReturn_isRemembered() {
        call(key(1));
        run(0).point.pass();
        run(0).end.error(new ExpertFailedException("not finite"));

        Caller second = call(key(1));

        assertThat(second.error).isInstanceOf(ExpertFailedException.class).hasMessage("not finite");
        assertThat(runs).hasSize(1);
    }

    @Test
    void fail_afterThePointWithAForeignException_isRememberedWithoutItsMessage() {
        call(key(1));
        run(0).point.pass();
        run(0).end.error(new IllegalStateException("/etc/passwd"));

        assertThat(call(key(1)).error).isInstanceOf(ExpertFailedException.class).hasMessageNotContaining("passwd");
    }

    @Test
    void fail_byTheDeadlineOfTheFirstCaller_executesForTheOneWhoJoined() {
        Caller first = call(key(1));
        Caller second = call(key(1));

        run(0).end.error(new DeadlineExceededException("too late"));

        assertThat(first.error).isInstanceOf(DeadlineExceededException.class);
        assertThat(second.error).isNull();
        run(1).end.success(reply(7));
        assertThat(second.value).isEqualTo(7);
    }

    @Test
    void end_withoutAnAnswer_isAnError() {
        Caller caller = call(key(1), point -> Mono.empty());

        assertThat(caller.error).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void call_whoseHandlerThrows_fails() {
        Caller caller = call(key(1), point -> {
            throw new ExpertFailedException("no");
        });

        assertThat(caller.error).isInstanceOf(ExpertFailedException.class);
    }

    @Test
    void call_repeatedAfterItsReplyMadeRoom_isAlreadyApplied() {
        for (int id = 0; id <= MAX_REPLIES; id++) {
            call(key(id));
            run(id).end.success(reply(id));
        }

        assertThat(call(key(0)).error).isInstanceOf(AlreadyAppliedException.class);
        assertThat(call(key(1)).value).isEqualTo(1);
        assertThat(cache.keptBytes()).isEqualTo(MAX_BYTES);
    }

    @Test
    void call_whoseReplyIsLargerThanTheCache_answersOnce() {
        Caller first = call(key(1));
        run(0).end
                .success(new Reply(
                        List.of(),
                        ByteBufAllocator.DEFAULT.buffer(2 * MAX_BYTES).writeZero(2 * MAX_BYTES)));

        assertThat(first.value).isZero();
        assertThat(call(key(1)).error).isInstanceOf(AlreadyAppliedException.class);
    }

    @Test
    void call_repeatedAfterTooManyOthers_executesAgain() {
        for (int id = 0; id <= MAX_CALLS; id++) {
            call(key(id));
            run(id).end.success(reply(id));
        }

        call(key(0));

        assertThat(runs).hasSize(MAX_CALLS + 2);
    }

    @Test
    void end_withAViewOfALargerBuffer_keepsACopyOfTheView() {
        ByteBuf large = ByteBufAllocator.DEFAULT.buffer(1 << 16).writeLong(42).writeZero(1 << 15);
        Caller first = call(key(1));

        run(0).end.success(new Reply(List.of(), large.readRetainedSlice(Long.BYTES)));

        assertThat(large.refCnt()).isEqualTo(1);
        large.release();
        assertThat(cache.keptBytes()).isEqualTo(Long.BYTES);
        assertThat(first.value).isEqualTo(42);
        assertThat(call(key(1)).value).isEqualTo(42);
    }

    @Test
    void end_withJoinedBuffers_weighsThemAll() {
        var joined = ByteBufAllocator.DEFAULT
                .compositeBuffer()
                .addComponent(true, reply(1).body())
                .addComponent(true, reply(2).body());
        call(key(1));

        run(0).end.success(new Reply(List.of(), joined));

        assertThat(cache.keptBytes()).isEqualTo(2 * Long.BYTES);
    }

    @Test
    void request_afterItsFirstCallerLeft_isValidUntilTheRunEnds() {
        Request request = request(key(1));
        requests.remove(request);
        var first = cache.call(key(1), request, point -> Mono.create(end -> runs.add(new Run(point, end))))
                .subscribe();
        run(0).point.pass();

        first.dispose();
        request.release();

        assertThat(request.body().refCnt()).isEqualTo(1);
        run(0).end.success(reply(42));
        assertThat(request.body().refCnt()).isZero();
    }

    @Test
    void call_afterDispose_isRefused() {
        cache.dispose();

        StepVerifier.create(cache.call(key(1), request(key(1)), point -> Mono.just(reply(1))))
                .verifyError(PeerUnavailableException.class);
    }

    @Test
    void dispose_duringARunPastThePoint_stillAnswersItsCaller() {
        Caller caller = call(key(1));
        run(0).point.pass();

        cache.dispose();
        run(0).end.success(reply(42));

        assertThat(caller.value).isEqualTo(42);
        assertThat(cache.keptBytes()).isZero();
    }

    /** Random calls, retries, cancellations and ends, beside a reference that is too simple to be wrong. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void call_inRandomSequences_behavesLikeTheReference(long seed) {
        var random = new Random(seed);
        var reference = new Reference();
        Map<Long, List<Caller>> waiting = new HashMap<>();
        Map<Long, Run> running = new HashMap<>();

        for (int step = 0; step < 3_000; step++) {
            long id = random.nextInt(40);
            Run run = running.get(id);
            switch (random.nextInt(5)) {
                case 0, 1 -> {
                    int before = runs.size();
                    Caller caller = call(key(id));
                    assertThat(Answer.of(caller, runs.size() > before)).isEqualTo(reference.arrive(id));
                    if (runs.size() > before) {
                        running.put(id, runs.get(before));
                    }
                    if (!caller.hasEnded()) {
                        waiting.computeIfAbsent(id, unknown -> new ArrayList<>())
                                .add(caller);
                    }
                }
                case 2 -> {
                    if (run != null) {
                        assertThat(run.point.pass()).isTrue();
                        reference.pass(id);
                    }
                }
                case 3 -> {
                    List<Caller> left = waiting.getOrDefault(id, List.of());
                    if (!left.isEmpty()) {
                        left.remove(0).cancel();
                        if (reference.leave(id)) {
                            running.remove(id);
                            assertThat(run.isCancelled).isTrue();
                            assertThat(run.point.pass()).isFalse();
                        }
                    }
                }
                default -> {
                    if (run != null) {
                        end(run, random.nextInt(4) == 0 ? null : (long) step);
                        List<Caller> answered = waiting.getOrDefault(id, new ArrayList<>());
                        assertThat(answered).allMatch(Caller::hasEnded);
                        answered.clear();
                        running.remove(id);
                        reference.end(id, run.lastValue);
                    }
                }
            }
            assertThat(cache.keptBytes()).isEqualTo(reference.bytes());
        }
        running.values().forEach(left -> left.end.success(reply(0)));
    }

    private static void end(Run run, @Nullable Long value) {
        run.lastValue = value;
        if (value == null) {
            run.end.error(new ExpertFailedException("odd"));
        } else {
            run.end.success(reply(value));
        }
    }

    /** What a call meets when it arrives. */
    private record Answer(
            boolean executes,
            @Nullable Long value,
            @Nullable Class<?> error) {

        static final Answer WAITS = new Answer(false, null, null);
        static final Answer EXECUTES = new Answer(true, null, null);

        static Answer of(Caller caller, boolean executes) {
            return new Answer(executes, caller.value, caller.error == null ? null : caller.error.getClass());
        }
    }

    /** Lists and loops instead of indexes. */
    private static final class Reference {

        private static final long ERROR_BYTES = 2L * "expert-failed;message=odd".length();

        private final Map<Long, Integer> waiting = new HashMap<>();
        private final Map<Long, Boolean> passed = new HashMap<>();
        private final Map<Long, Answer> ended = new LinkedHashMap<>();

        Answer arrive(long id) {
            if (ended.containsKey(id)) {
                return ended.get(id);
            }
            boolean executes = !passed.containsKey(id);
            passed.putIfAbsent(id, false);
            waiting.merge(id, 1, Integer::sum);
            return executes ? Answer.EXECUTES : Answer.WAITS;
        }

        void pass(long id) {
            passed.put(id, true);
        }

        boolean leave(long id) {
            waiting.merge(id, -1, Integer::sum);
            boolean givenUp = waiting.get(id) == 0 && !passed.get(id);
            if (givenUp) {
                forget(id);
            }
            return givenUp;
        }

        void end(long id, @Nullable Long value) {
            boolean remembered = value != null || passed.get(id);
            forget(id);
            if (remembered) {
                ended.put(id, new Answer(false, value, value == null ? ExpertFailedException.class : null));
                shrink();
            }
        }

        private void forget(long id) {
            waiting.remove(id);
            passed.remove(id);
        }

        private void shrink() {
            while (bytes() > MAX_BYTES) {
                long eldest = ended.entrySet().stream()
                        .filter(entry -> weight(entry.getValue()) > 0)
                        .findFirst()
                        .orElseThrow()
                        .getKey();
                ended.put(eldest, new Answer(false, null, AlreadyAppliedException.class));
            }
            while (ended.size() > MAX_CALLS) {
                ended.remove(ended.keySet().iterator().next());
            }
        }

        long bytes() {
            return ended.values().stream().mapToLong(Reference::weight).sum();
        }

        private static long weight(Answer answer) {
            return answer.value() != null
                    ? Long.BYTES
                    : answer.error() == ExpertFailedException.class ? ERROR_BYTES : 0;
        }
    }

    /** A run of the handler, in the test's hands. */
    private static final class Run {

        private final PointOfNoReturn point;
        private final MonoSink<Reply> end;
        private boolean isCancelled;
        private @Nullable Long lastValue;

        Run(PointOfNoReturn point, MonoSink<Reply> end) {
            this.point = point;
            this.end = end;
            end.onCancel(() -> isCancelled = true);
        }
    }

    private static final class Caller {

        private @Nullable Disposable subscription;
        private @Nullable Long value;
        private @Nullable Throwable error;

        boolean hasEnded() {
            return value != null || error != null;
        }

        void cancel() {
            subscription.dispose();
        }
    }
}
