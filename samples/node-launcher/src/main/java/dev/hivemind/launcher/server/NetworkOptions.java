package dev.hivemind.launcher.server;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a server listens, whom it joins, and who it is.
 *
 * @param listenOn at least one address; port 0 takes a free one
 * @param announce where others are told to connect; empty for where it listens
 * @param initialPeers peers to join; empty for the first of a swarm
 * @param identity the file of its private key; null for a new one
 */
record NetworkOptions(
        List<PeerAddress> listenOn,
        List<PeerAddress> announce,
        List<PeerAddress> initialPeers,
        @Nullable Path identity) {}
