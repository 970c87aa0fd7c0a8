package dev.hivemind.launcher;

import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is to be trained, through whom.
 *
 * @param swarm the experts to train through
 * @param learning how the local layers learn
 * @param run what is kept of the run
 * @param data directory of the pictures; null means the bundled ones
 * @param json whether to print one JSON object a line
 */
record TrainOptions(
        Swarm swarm, Learning learning, Run run, @Nullable Path data, boolean json) {

    /**
     * The experts to train through.
     *
     * @param initialPeers by whom the swarm is entered
     * @param grid where the experts lie
     * @param kBest experts for each picture
     * @param compression of what travels, both ways
     * @param patience how long missing peers and experts are waited for
     */
    record Swarm(
            List<PeerAddress> initialPeers, ExpertGrid grid, int kBest, Compression compression, Duration patience) {}

    /**
     * How the local layers learn.
     *
     * @param epochs how often each picture is learned from, unless there are steps
     * @param steps how many batches are learned from; null for whole epochs
     * @param concurrency batches under way at once
     * @param rate how far one step of Adam goes at first; it falls to nothing along half a wave of a cosine
     * @param seed decides initial weights and the order of the pictures
     */
    record Learning(int epochs, @Nullable Integer steps, int batchSize, int concurrency, double rate, long seed) {}

    /**
     * What is kept of the run.
     *
     * @param directory for checkpoints and reports; null for none
     * @param resume whether to go on from the last checkpoint there
     * @param reportTo where somebody collects events; null for nowhere
     */
    record Run(
            @Nullable Path directory,
            boolean resume,
            @Nullable PeerAddress reportTo) {}
}
