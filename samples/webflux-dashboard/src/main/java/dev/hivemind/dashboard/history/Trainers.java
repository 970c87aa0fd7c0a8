package dev.hivemind.dashboard.history;

import dev.hivemind.dashboard.history.SwarmView.UsageView;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What trainers do with the swarm: how often they report and call, and what their gates choose. */
final class Trainers {

    static final int MAX_TRAINERS = 64;

    private static final int MAX_CALLED = 256;
    private static final int MAX_USED = 1_024;
    private static final int TOLD_USAGES = 64;

    private final Map<String, Trainer> trainers = new LinkedHashMap<>();

    /** What one trainer does. */
    static final class Trainer {

        private final SlidingSum reports = new SlidingSum(NodeHistory.RATE_SECONDS);
        private final Map<String, SlidingSum> calls = new HashMap<>();
        private final Map<String, SlidingSum> used = new HashMap<>();
        private @Nullable Double gateEntropy;
        private long lastReport;

        void reported(long now) {
            reports.add(now, 1);
            lastReport = now;
        }

        void entropy(double nats) {
            gateEntropy = Figures.told(nats);
        }

        void called(long now, String peer, MixtureCallMessage call) {
            count(now, calls, peer, 1, MAX_CALLED);
            count(now, used, call.getUid(), Integer.toUnsignedLong(call.getRows()), MAX_USED);
        }

        private static void count(long now, Map<String, SlidingSum> sums, String key, long value, int max) {
            SlidingSum sum = sums.get(key);
            if (sum == null && sums.size() < max) {
                sum = new SlidingSum(ExpertHistory.USAGE_SECONDS);
                sums.put(key, sum);
            }
            if (sum != null) {
                sum.add(now, value);
            }
        }

        @Nullable Double gateEntropy() {
            return gateEntropy;
        }

        double reportsPerSecond(long now) {
            return Figures.rounded(reports.perSecond(now));
        }

        /** Peers that it calls, with calls per second. */
        Map<String, Double> calls(long now) {
            Map<String, Double> rates = new LinkedHashMap<>();
            calls.forEach((peer, sum) -> rates.put(peer, Figures.rounded(sum.perSecond(now))));
            return rates;
        }

        List<UsageView> usage(long now) {
            double all = used.values().stream().mapToDouble(sum -> sum.sum(now)).sum();
            return used.entrySet().stream()
                    .map(one -> new UsageView(
                            PlainText.of(one.getKey(), Integer.MAX_VALUE),
                            Figures.share(one.getValue().sum(now), all)))
                    .sorted(Comparator.comparingDouble(UsageView::share)
                            .reversed()
                            .thenComparing(UsageView::uid))
                    .limit(TOLD_USAGES)
                    .toList();
        }

        private void forgetUnused(long now) {
            calls.values().removeIf(sum -> sum.sum(now) == 0);
            used.values().removeIf(sum -> sum.sum(now) == 0);
        }
    }

    /** The trainer, which is the newest now; the oldest makes room for it. */
    Trainer of(String id) {
        Trainer trainer = trainers.get(id);
        if (trainer == null) {
            if (trainers.size() >= MAX_TRAINERS) {
                trainers.entrySet().stream()
                        .min(Comparator.comparingLong(one -> one.getValue().lastReport))
                        .map(Map.Entry::getKey)
                        .ifPresent(trainers::remove);
            }
            trainer = new Trainer();
            trainers.put(id, trainer);
        }
        return trainer;
    }

    @Nullable Trainer find(String id) {
        return trainers.get(id);
    }

    Map<String, Trainer> all() {
        return trainers;
    }

    /** Lets time pass. */
    void moveTo(long now) {
        trainers.values().forEach(trainer -> trainer.forgetUnused(now));
        trainers.values().removeIf(trainer -> now - trainer.lastReport >= Nodes.SHOWN_MILLIS);
    }
}
