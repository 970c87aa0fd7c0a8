package dev.hivemind.launcher;

import dev.hivemind.rsocket.compression.Compression;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What the demo is to do.
 *
 * @param steps how many batches each model trains on
 * @param seed decides initial weights and the order of the pictures
 * @param servers how many server processes to start
 * @param experts how many experts they share; at least one per server
 * @param kill whether to kill a server half way; then there are at least two
 * @param compression of what travels between the model and its experts, both ways
 * @param json whether to print one JSON object a line
 * @param dashboardPort where the dashboard is to be seen: 0 takes a free one; null is no dashboard
 * @param data directory of the pictures; null means the bundled ones
 */
record DemoOptions(
        int steps,
        long seed,
        int servers,
        int experts,
        boolean kill,
        Compression compression,
        boolean json,
        @Nullable DashboardPort dashboardPort,
        @Nullable Path data) {}
