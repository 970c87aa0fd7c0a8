package dev.hivemind.rsocket;

import static dev.hivemind.rsocket.CacheFixture.BOB;
import static dev.hivemind.rsocket.CacheFixture.MAX_BYTES;
import static dev.hivemind.rsocket.CacheFixture.MAX_CALLS;
import static dev.hivemind.rsocket.CacheFixture.MAX_REPLIES;
import static dev.hivemind.rsocket.CacheFixture.key;
import static dev.hivemind.rsocket.CacheFixture.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.CacheFixture.Caller;
import dev.hivemind.rsocket.CacheFixture.Run;
import dev.hivemind.rsocket.error.AlreadyAppliedException;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** What a cache of results makes of calls that are repeated, cancelled and end. */
class ResultCacheTest {

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final CacheFixture calls = new CacheFixture();
    private final ResultCache cache = calls.cache;

    @AfterEach
    void release() {
        calls.release();
    }

    @Test
    void call_repeatedAfterItsEnd_answersWithoutExecuting() {
        calls.call(key(1));
        calls.run(0).end.success(reply(42));

        assertThat(calls.call(key(1)).value).isEqualTo(42);
        assertThat(calls.runs).hasSize(1);
    }

    @Test
    void call_repeatedWhileItRuns_givesBothTheSameResult() {
        Caller first = calls.call(key(1));
        Caller second = calls.call(key(1));

        calls.run(0).end.success(reply(42));

        assertThat(calls.runs).hasSize(1);
        assertThat(first.value).isEqualTo(42);
        assertThat(second.value).isEqualTo(42);
    }

    @Test
    void call_ofAnotherPeerWithTheSameId_executes() {
        calls.call(key(1));
        calls.run(0).end.success(reply(42));

        calls.call(new CallKey(BOB, key(1).id()));

        assertThat(calls.runs).hasSize(2);
    }

    @Test
    void cancel_beforeThePointOfNoReturn_cancelsAndForgets() {
        calls.call(key(1)).cancel();

        assertThat(calls.run(0).isCancelled).isTrue();
        assertThat(calls.run(0).point.pass()).isFalse();
        calls.call(key(1));
        assertThat(calls.runs).hasSize(2);
    }

    @Test
    void cancel_afterThePointOfNoReturn_keepsTheResultForTheRetry() {
        Caller first = calls.call(key(1));
        assertThat(calls.run(0).point.pass()).isTrue();

        first.cancel();
        calls.run(0).end.success(reply(42));

        assertThat(calls.run(0).isCancelled).isFalse();
        assertThat(calls.call(key(1)).value).isEqualTo(42);
        assertThat(calls.runs).hasSize(1);
    }

    @Test
    void cancel_ofOneOfTwoCallers_leavesTheRunToTheOther() {
        Caller first = calls.call(key(1));
        Caller second = calls.call(key(1));

        first.cancel();
        calls.run(0).end.success(reply(42));

        assertThat(first.value).isNull();
        assertThat(second.value).isEqualTo(42);
    }

    @Test
    void pass_repeatedAfterTheEnd_staysTrue() {
        calls.call(key(1));
        calls.run(0).point.pass();
        calls.run(0).end.success(reply(42));

        assertThat(calls.run(0).point.pass()).isTrue();
    }

    @Test
    void fail_beforeThePointOfNoReturn_isForgotten() {
        Caller first = calls.call(key(1));
        calls.run(0).end.error(new OverloadedException("full", Duration.ofMillis(1)));

        calls.call(key(1));

        assertThat(first.error).isInstanceOf(OverloadedException.class);
        assertThat(calls.runs).hasSize(2);
    }

    @Test
    void fail_afterThePointOfNoReturn_isRemembered() {
        calls.call(key(1));
        calls.run(0).point.pass();
        calls.run(0).end.error(new ExpertFailedException("not finite"));

        Caller second = calls.call(key(1));

        assertThat(second.error).isInstanceOf(ExpertFailedException.class).hasMessage("not finite");
        assertThat(calls.runs).hasSize(1);
    }

    @Test
    void fail_afterThePointWithAForeignException_isRememberedWithoutItsMessage() {
        calls.call(key(1));
        calls.run(0).point.pass();
        calls.run(0).end.error(new IllegalStateException("/etc/passwd"));

        assertThat(calls.call(key(1)).error)
                .isInstanceOf(ExpertFailedException.class)
                .hasMessageNotContaining("passwd");
    }

    @Test
    void fail_byTheDeadlineOfTheFirstCaller_executesForTheOneWhoJoined() {
        Caller first = calls.call(key(1));
        Caller second = calls.call(key(1));

        calls.run(0).end.error(new DeadlineExceededException("too late"));

        assertThat(first.error).isInstanceOf(DeadlineExceededException.class);
        assertThat(second.error).isNull();
        calls.run(1).end.success(reply(7));
        assertThat(second.value).isEqualTo(7);
    }

    @Test
    void end_withoutAnAnswer_isAnError() {
        Caller caller = calls.call(key(1), point -> Mono.empty());

        assertThat(caller.error).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void call_whoseHandlerThrows_fails() {
        Caller caller = calls.call(key(1), point -> {
            throw new ExpertFailedException("no");
        });

        assertThat(caller.error).isInstanceOf(ExpertFailedException.class);
    }

    @Test
    void call_repeatedAfterItsReplyMadeRoom_isAlreadyApplied() {
        for (int id = 0; id <= MAX_REPLIES; id++) {
            calls.call(key(id));
            calls.run(id).end.success(reply(id));
        }

        assertThat(calls.call(key(0)).error).isInstanceOf(AlreadyAppliedException.class);
        assertThat(calls.call(key(1)).value).isEqualTo(1);
        assertThat(cache.keptBytes()).isEqualTo(MAX_BYTES);
    }

    @Test
    void call_whoseReplyIsLargerThanTheCache_answersOnce() {
        Caller first = calls.call(key(1));
        calls.run(0)
                .end
                .success(new Reply(
                        List.of(),
                        ByteBufAllocator.DEFAULT.buffer(2 * MAX_BYTES).writeZero(2 * MAX_BYTES)));

        assertThat(first.value).isZero();
        assertThat(calls.call(key(1)).error).isInstanceOf(AlreadyAppliedException.class);
    }

    @Test
    void call_repeatedAfterTooManyOthers_executesAgain() {
        for (int id = 0; id <= MAX_CALLS; id++) {
            calls.call(key(id));
            calls.run(id).end.success(reply(id));
        }

        calls.call(key(0));

        assertThat(calls.runs).hasSize(MAX_CALLS + 2);
    }

    @Test
    void end_withAViewOfALargerBuffer_keepsACopyOfTheView() {
        ByteBuf large = ByteBufAllocator.DEFAULT.buffer(1 << 16).writeLong(42).writeZero(1 << 15);
        Caller first = calls.call(key(1));

        calls.run(0).end.success(new Reply(List.of(), large.readRetainedSlice(Long.BYTES)));

        assertThat(large.refCnt()).isEqualTo(1);
        large.release();
        assertThat(cache.keptBytes()).isEqualTo(Long.BYTES);
        assertThat(first.value).isEqualTo(42);
        assertThat(calls.call(key(1)).value).isEqualTo(42);
    }

    @Test
    void end_withJoinedBuffers_weighsThemAll() {
        var joined = ByteBufAllocator.DEFAULT
                .compositeBuffer()
                .addComponent(true, reply(1).body())
                .addComponent(true, reply(2).body());
        calls.call(key(1));

        calls.run(0).end.success(new Reply(List.of(), joined));

        assertThat(cache.keptBytes()).isEqualTo(2 * Long.BYTES);
    }

    @Test
    void request_afterItsFirstCallerLeft_isValidUntilTheRunEnds() {
        Request request = calls.request(key(1));
        calls.requests.remove(request);
        var first = cache.call(key(1), request, point -> Mono.create(end -> calls.runs.add(new Run(point, end))))
                .subscribe();
        calls.run(0).point.pass();

        first.dispose();
        request.release();

        assertThat(request.body().refCnt()).isEqualTo(1);
        calls.run(0).end.success(reply(42));
        assertThat(request.body().refCnt()).isZero();
    }

    @Test
    void call_afterDispose_isRefused() {
        cache.dispose();

        StepVerifier.create(cache.call(key(1), calls.request(key(1)), point -> Mono.just(reply(1))))
                .verifyError(PeerUnavailableException.class);
    }

    @Test
    void dispose_duringARunPastThePoint_stillAnswersItsCaller() {
        Caller caller = calls.call(key(1));
        calls.run(0).point.pass();

        cache.dispose();
        calls.run(0).end.success(reply(42));

        assertThat(caller.value).isEqualTo(42);
        assertThat(cache.keptBytes()).isZero();
    }
}
