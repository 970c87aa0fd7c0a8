package dev.hivemind.dashboard.history;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the swarm at one moment, ready to be told: times are milliseconds since 1970, null is unknown. Lists are
 * not changed any more.
 *
 * @param now the moment
 * @param events the latest, oldest first
 */
public record SwarmView(
        long now,
        ConnectionView connection,
        List<NodeView> nodes,
        List<LinkView> links,
        List<GridView> grids,
        ChartView charts,
        List<RunView> runs,
        List<EventView> events) {

    /**
     * How the dashboard itself stands with the swarm.
     *
     * @param state joining, joined or lost
     * @param peer through whom it joins
     * @param text a sentence for people
     * @param retryAt when it tries again, if it is going to
     */
    public record ConnectionView(
            String state,
            String peer,
            String text,
            @Nullable Long retryAt) {}

    /**
     * A node of the swarm.
     *
     * @param kind server, dht or trainer
     * @param state joining, online, draining, unreachable or gone
     * @param events live, connecting or none: whether its events arrive here
     * @param knows how many other nodes it named
     */
    public record NodeView(
            String id,
            List<String> addresses,
            String kind,
            String state,
            @Nullable Double load,
            @Nullable Double roundTripMillis,
            int experts,
            String events,
            double rowsPerSecond,
            double failuresPerSecond,
            long firstSeen,
            long lastSeen,
            @Nullable Integer knows) {}

    /**
     * What one node has to do with another.
     *
     * @param kind knows, calls or reports
     */
    public record LinkView(String from, String to, String kind, double perSecond) {}

    /**
     * Experts whose uids share a name.
     *
     * @param dimensions one more than the largest coordinate in each, or what a trainer says; empty if there would be too
     *     many cells to paint them all
     */
    public record GridView(String prefix, List<Integer> dimensions, List<ExpertView> experts) {}

    /**
     * An expert.
     *
     * @param state joining, online, draining or gone
     * @param usage the part of all rows that trainers sent to it lately, 0 to 1
     */
    public record ExpertView(
            String uid,
            List<Integer> cell,
            String state,
            boolean trainable,
            List<String> owners,
            double rowsPerSecond,
            @Nullable Double queueMillis,
            @Nullable Double computeMillis,
            double usage,
            double failuresPerSecond,
            double rejectionsPerSecond,
            long failures,
            long rejections,
            long updates) {}

    /**
     * Figures of the whole swarm, one point a second.
     *
     * @param points each begins with its time, and goes on in the order of the names
     */
    public record ChartView(int stepMillis, List<String> names, List<List<@Nullable Number>> points) {}

    /**
     * A training that somebody reports.
     *
     * @param generation another one, which no run had before, when the points are not those of before with further ones
     * @param points in the order of the names, the first of which is the step
     */
    public record RunView(RunState latest, List<String> names, int generation, List<List<@Nullable Number>> points) {}

    /**
     * Where a training stands.
     *
     * @param state running or ended
     * @param usage of its experts, the most used first
     */
    public record RunState(
            String run,
            String source,
            String state,
            long step,
            long epoch,
            @Nullable Double loss,
            @Nullable Double accuracy,
            @Nullable Double learningRate,
            long staleness,
            @Nullable Double samplesPerSecond,
            long calls,
            long failedCalls,
            long expertsAnswering,
            @Nullable Double gateEntropy,
            long lastSeen,
            List<UsageView> usage) {}

    /** The part of a trainer's rows that went to one expert. */
    public record UsageView(String uid, double share) {}

    /**
     * Something that happened.
     *
     * @param kind join, leave, failure, rejection, training or note
     * @param severity info, warning or error
     */
    public record EventView(
            long seq,
            long at,
            String kind,
            String severity,
            @Nullable String node,
            @Nullable String expert,
            String text) {}
}
