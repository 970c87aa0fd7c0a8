package dev.hivemind.moe.mixture;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.hivemind.dht.expert.ExpertUid;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/** What a mixture of experts has done. Thread-safe. */
public final class MixtureStatistics {

    private static final int MAX_EXPERTS = 65_536;

    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong failedCalls = new AtomicLong();
    private final Cache<ExpertUid, AtomicLong> rowsByExpert = Caffeine.newBuilder()
            .maximumSize(MAX_EXPERTS)
            .executor(Runnable::run)
            .build();
    private volatile int expertsAnswering;

    MixtureStatistics() {}

    /** Forward and backward calls made to experts. */
    public long calls() {
        return calls.get();
    }

    /** Those among {@link #calls()} that failed or were not answered in time. */
    public long failedCalls() {
        return failedCalls.get();
    }

    /** Rows for which each expert gave outputs, of those that gave any. */
    public Map<ExpertUid, Long> rowsByExpert() {
        Map<ExpertUid, Long> rows = new TreeMap<>();
        rowsByExpert.asMap().forEach((uid, count) -> rows.put(uid, count.get()));
        return rows;
    }

    /** Different experts that answered in the latest forward pass; 0 before the first. */
    public int expertsAnswering() {
        return expertsAnswering;
    }

    void failed() {
        failedCalls.incrementAndGet();
    }

    void answered(Group group) {
        rowsByExpert.get(group.handle().uid(), uid -> new AtomicLong()).addAndGet(group.rows().length);
    }

    void forwardEnded(List<Answer> answers, List<Failure> failures) {
        calls.addAndGet(answers.size() + failures.size());
        expertsAnswering = (int) answers.stream()
                .map(answer -> answer.group().expert())
                .distinct()
                .count();
    }

    void backwardEnded(List<Answer> answers, List<Failure> failures) {
        calls.addAndGet(answers.size() + failures.size());
    }
}
