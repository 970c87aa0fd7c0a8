package dev.hivemind.launcher;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import java.util.Map;

/**
 * What a server is to host, and where.
 *
 * @param expertClass the kind of expert
 * @param expertOptions what was chosen of its options, by their names
 * @param numExperts how many experts to host
 * @param uidPrefix what uids start with, without the last dot
 * @param firstIndex the number in the first expert's uid
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
        int firstIndex,
        PeerAddress listenOn,
        List<PeerAddress> initialPeers,
        OptimizerChoice optimizer,
        double learningRate,
        int maxBatchSize,
        ComputeOptions compute,
        long seed,
        boolean json,
        boolean exitWithParent) {}
