package dev.hivemind.moe.server.batching;

import static dev.hivemind.moe.server.batching.NegatingRuntime.TIMEOUT;
import static dev.hivemind.moe.server.batching.NegatingRuntime.assertFails;
import static dev.hivemind.moe.server.batching.NegatingRuntime.await;
import static dev.hivemind.moe.server.batching.NegatingRuntime.submit;
import static dev.hivemind.moe.server.batching.NegatingRuntime.values;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;

/** Tasks that cannot be computed fail alone. */
@SuppressWarnings("try") // a stall works by being open
class PoisonousTasksTest {

    @RegisterExtension
    final NegatingRuntime devices = new NegatingRuntime();

    @Test
    void submit_ofAPoisonousTask_failsThatTaskAlone() {
        TaskPool pool = devices.pool(devices::superstitious);
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = List.of(submit(pool, 1f), submit(pool, 2f, 13f), submit(pool, 3f));
        }

        assertThat(await(results.get(0))).containsExactly(-1f);
        assertFails(results.get(1), ExpertFailedException.class);
        assertThat(await(results.get(2))).containsExactly(-3f);
    }

    @Test
    void submit_whoseComputationThrowsAnError_leavesTheRuntimeAlive() {
        TaskPool broken = devices.pool(tensors -> {
            throw new StackOverflowError("expected by the test");
        });

        assertFails(submit(broken, 1f), ExpertFailedException.class);

        assertThat(await(submit(devices.pool(), 2f))).containsExactly(-2f);
    }

    @Test
    void submit_whoseComputationThrowsAnRpcException_keepsIt() {
        TaskPool picky = devices.pool(tensors -> {
            throw new ExpertFailedException("not finite");
        });

        assertThat(submit(picky, 1f))
                .failsWithin(TIMEOUT)
                .withThrowableOfType(ExecutionException.class)
                .havingCause()
                .withMessage("not finite");
    }

    @Test
    void submit_whoseResultHasTooFewRows_isNotComputedAgain() {
        TaskPool lossy = devices.pool(tensors -> {
            devices.negate(tensors);
            return Computation.of(new NDList(tensors.head().get("0:1")));
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = List.of(submit(lossy, 1f), submit(lossy, 2f));
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(devices.batches()).hasSize(1);
    }

    @Test
    void submit_ofABooleanThatIsNeither_failsThatTaskAlone() {
        TaskPool pool = devices.pool(Computation::of);
        CompletableFuture<List<TensorFrame>> good;
        CompletableFuture<List<TensorFrame>> bad;
        try (var stall = devices.stall()) {
            good = submitBoolean(pool, 1);
            bad = submitBoolean(pool, 2);
        }

        good.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join().forEach(TensorFrame::release);
        assertThat(bad)
                .failsWithin(TIMEOUT)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(ProtocolViolationException.class);
    }

    private static CompletableFuture<List<TensorFrame>> submitBoolean(TaskPool pool, int value) {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(1).writeByte(value);
        return Mono.using(
                        () -> new TensorFrame(TensorDescriptor.of(ElementType.BOOL, 1), data),
                        tensor -> pool.submit(new Call(List.of(tensor), 1, Deadline.after(TIMEOUT), 0, Peers.peer(0))),
                        TensorFrame::release)
                .toFuture();
    }

    @Test
    void submit_withPoisonousRowsNamed_computesTheOthersAsOneBatch() {
        List<List<Float>> committed = new ArrayList<>();
        TaskPool pool = devices.pool(tensors -> {
            List<Float> rows = values(tensors.head());
            var poisonous = new BitSet();
            IntStream.range(0, rows.size()).filter(i -> rows.get(i).isNaN()).forEach(poisonous::set);
            if (!poisonous.isEmpty()) {
                throw new PoisonousRowsException("poison", poisonous, false);
            }
            return new Computation(new NDList(tensors.head().neg()), () -> committed.add(rows), Duration.ZERO);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = List.of(submit(pool, 1f, 2f), submit(pool, 3f, Float.NaN), submit(pool, 4f));
        }

        assertThat(await(results.get(0))).containsExactly(-1f, -2f);
        assertFails(results.get(1), ExpertFailedException.class);
        assertThat(await(results.get(2))).containsExactly(-4f);
        assertThat(committed).containsExactly(List.of(1f, 2f, 4f));
    }

    @Test
    void submit_withPoisonousTasksThatNobodyNames_computesTheOthersAsOneBatch() {
        List<List<Float>> committed = new ArrayList<>();
        TaskPool pool = devices.pool(tensors -> {
            List<Float> rows = values(tensors.head());
            if (rows.contains(13f)) {
                throw new IllegalStateException("superstitious");
            }
            return new Computation(new NDList(tensors.head().neg()), () -> committed.add(rows), Duration.ZERO);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = Stream.of(1f, 2f, 13f, 4f, 5f, 13f, 7f)
                    .map(row -> submit(pool, row))
                    .toList();
        }

        assertFails(results.get(2), ExpertFailedException.class);
        assertFails(results.get(5), ExpertFailedException.class);
        List.of(0, 1, 3, 4, 6).forEach(i -> assertThat(await(results.get(i))).hasSize(1));
        assertThat(committed).containsExactly(List.of(1f, 2f, 4f, 5f, 7f));
    }

    @Test
    void submit_whoseHalvesCanBeComputedButNotTheWhole_failsAtOnce() {
        TaskPool pool = devices.pool(tensors -> {
            if (values(tensors.head()).size() > 1) {
                throw new IllegalStateException("expected by the test");
            }
            return devices.negate(tensors);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = List.of(submit(pool, 1f), submit(pool, 2f));
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(await(submit(pool, 3f))).containsExactly(-3f);
    }

    @Test
    void submit_whoseCommitFails_isNotTriedAgain() {
        var commits = new AtomicInteger();
        TaskPool pool = devices.pool(tensors -> new Computation(
                tensors,
                () -> {
                    commits.incrementAndGet();
                    throw new IllegalStateException("expected by the test");
                },
                Duration.ZERO));
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = List.of(submit(pool, 1f), submit(pool, 2f));
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(commits).hasValue(1);
    }

    @Test
    void submit_ofNothingButCertainPoison_isComputedOnce() {
        var computed = new AtomicInteger();
        TaskPool pool = devices.pool(tensors -> {
            computed.incrementAndGet();
            var all = new BitSet();
            all.set(0, (int) tensors.head().getShape().get(0));
            throw new PoisonousRowsException("poison", all, true);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = Stream.of(1f, 2f, 3f).map(row -> submit(pool, row)).toList();
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(computed).hasValue(1);
    }

    @Test
    void submit_whereOneRowSpoilsAll_failsItAlone() {
        TaskPool pool = devices.pool(tensors -> {
            if (values(tensors.head()).contains(13f)) {
                var all = new BitSet();
                all.set(0, (int) tensors.head().getShape().get(0));
                throw new PoisonousRowsException("spoiled", all, false);
            }
            return devices.negate(tensors);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = Stream.of(1f, 13f, 3f).map(row -> submit(pool, row)).toList();
        }

        assertThat(await(results.get(0))).containsExactly(-1f);
        assertFails(results.get(1), ExpertFailedException.class);
        assertThat(await(results.get(2))).containsExactly(-3f);
    }
}
