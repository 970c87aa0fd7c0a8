package dev.hivemind.moe.mixture;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the experts of a batch answered, which somebody uses once or releases. Operators on its way may drop it twice; its
 * replies are released once, and not while they are used. Thread-safe.
 */
final class Answers {

    private final List<Answer> answers;
    private final List<Failure> failures;
    private final AtomicBoolean taken = new AtomicBoolean();

    /** Takes the replies over. */
    Answers(List<Answer> answers, List<Failure> failures) {
        this.answers = List.copyOf(answers);
        this.failures = List.copyOf(failures);
    }

    List<Failure> failures() {
        return failures;
    }

    /**
     * Uses the answers, and releases them.
     *
     * @return null if that was done before, since nobody waits for a result then
     */
    <T> @Nullable T use(Function<List<Answer>, T> work) {
        if (!taken.compareAndSet(false, true)) {
            return null;
        }
        try {
            return work.apply(answers);
        } finally {
            releaseReplies();
        }
    }

    void release() {
        if (taken.compareAndSet(false, true)) {
            releaseReplies();
        }
    }

    private void releaseReplies() {
        answers.forEach(answer -> answer.reply().release());
    }
}
