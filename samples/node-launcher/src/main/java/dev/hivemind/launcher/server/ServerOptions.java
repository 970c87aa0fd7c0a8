package dev.hivemind.launcher.server;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What a server is to host, and where.
 *
 * @param expertClass the kind of expert
 * @param modules jars and directories in which kinds of experts are looked for, besides the class path
 * @param expertOptions what was chosen of its options, by their names
 * @param uids what the experts are called
 * @param network where it listens, whom it joins, and who it is
 * @param learning how experts learn
 * @param service how it serves
 * @param compute where to compute, and with how many threads
 * @param monitoring how it tells how it is doing
 * @param seed decides initial weights, together with each expert's number
 * @param json whether to print one JSON object a line
 * @param exitWithParent whether to end when standard input ends
 */
record ServerOptions(
        String expertClass,
        List<Path> modules,
        Map<String, String> expertOptions,
        UidOptions uids,
        NetworkOptions network,
        LearningOptions learning,
        ServiceOptions service,
        ComputeOptions compute,
        MonitoringOptions monitoring,
        long seed,
        boolean json,
        boolean exitWithParent) {}
