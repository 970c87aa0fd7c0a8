package dev.hivemind.rsocket;

import static dev.hivemind.rsocket.CacheFixture.MAX_BYTES;
import static dev.hivemind.rsocket.CacheFixture.MAX_CALLS;
import static dev.hivemind.rsocket.CacheFixture.key;
import static dev.hivemind.rsocket.CacheFixture.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.CacheFixture.Caller;
import dev.hivemind.rsocket.CacheFixture.Run;
import dev.hivemind.rsocket.error.AlreadyAppliedException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.testkit.TrackedBuffers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A cache of results beside a reference that is too simple to be wrong. */
class ResultCacheReferenceTest {

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final CacheFixture calls = new CacheFixture();
    private final ResultCache cache = calls.cache;

    @AfterEach
    void release() {
        calls.release();
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
                    int before = calls.runs.size();
                    Caller caller = calls.call(key(id));
                    assertThat(Answer.of(caller, calls.runs.size() > before)).isEqualTo(reference.arrive(id));
                    if (calls.runs.size() > before) {
                        running.put(id, calls.runs.get(before));
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
}
