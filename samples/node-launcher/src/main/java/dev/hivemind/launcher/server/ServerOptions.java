package dev.hivemind.launcher;

import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a server is to host, and where.
 *
 * @param expertClass the kind of expert
 * @param expertOptions what was chosen of its options, by their names
 * @param numExperts how many experts to host
 * @param uidPrefix what uids start with, without the last dot, when there is no grid
 * @param grid whose cells the experts are; null if they are only numbered
 * @param firstIndex the number of the first expert
 * @param listenOn where to listen; port 0 takes a free one
 * @param initialPeers peers to join; empty for the first of a swarm
 * @param optimizer how experts learn
 * @param learningRate how far one step goes; 0 without an optimizer
 * @param maxBatchSize the most rows to compute at once
 * @param compute where to compute, and with how many threads
 * @param seed decides initial weights, together with each expert's number
 * @param json whether to print one JSON object a line
 * @param exitWithParent whether to end when standard input ends
 */
record ServerOptions(
        String expertClass,
        Map<String, String> expertOptions,
        int numExperts,
        String uidPrefix,
        @Nullable ExpertGrid grid,
        int firstIndex,
        PeerAddress listenOn,
        List<PeerAddress> initialPeers,
        OptimizerChoice optimizer,
        double learningRate,
        int maxBatchSize,
        ComputeOptions compute,
        long seed,
        boolean json,
        boolean exitWithParent) {

    /** The name of the expert with this number. */
    String uid(int index) {
        return grid == null ? uidPrefix + "." + index : grid.cell(index).value();
    }
}
