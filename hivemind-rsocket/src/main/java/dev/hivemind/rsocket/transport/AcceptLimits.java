package dev.hivemind.rsocket.transport;

import io.netty.channel.Channel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * How many connections a node accepts: in all and from one remote address, over all its listeners. Addresses of IPv6
 * count by their first 64 bits, since whoever has one has all behind those. Loopback counts in all alone. Thread-safe.
 */
public final class AcceptLimits {

    private static final Duration LOG_INTERVAL = Duration.ofSeconds(1);
    private static final int IPV6_NETWORK_BYTES = 8;

    private final int maxConnections;
    private final int maxPerAddress;
    private final Map<ByteBuffer, Integer> byNetwork = new HashMap<>();
    private final SparseLog inAllLog = new SparseLog(LOG_INTERVAL);
    private final SparseLog perAddressLog = new SparseLog(LOG_INTERVAL);
    private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
    private int connections;

    /**
     * Limits with nothing counted yet.
     *
     * @param maxConnections how many in all
     * @param maxPerAddress how many from one remote address
     */
    public AcceptLimits(int maxConnections, int maxPerAddress) {
        this.maxConnections = maxConnections;
        this.maxPerAddress = maxPerAddress;
    }

    /** Counts a channel until it closes, or closes it at once. */
    void admit(Channel channel) {
        InetAddress remote = ((InetSocketAddress) channel.remoteAddress()).getAddress();
        if (enter(remote)) {
            channels.add(channel);
            channel.closeFuture().addListener(closed -> {
                channels.remove(channel);
                leave(remote);
            });
        } else {
            channel.close();
        }
    }

    /** Closes all that were accepted, whether they have said anything or not. */
    public void closeAccepted() {
        channels.forEach(Channel::close);
    }

    /** Counts a connection unless that is too many. */
    synchronized boolean enter(InetAddress remote) {
        if (connections >= maxConnections) {
            inAllLog.warn("Refusing connections: there are %d".formatted(maxConnections), System.nanoTime());
            return false;
        }
        if (!remote.isLoopbackAddress() && !enter(network(remote))) {
            perAddressLog.warn(
                    "Refusing connections from %s: there are %d".formatted(remote, maxPerAddress), System.nanoTime());
            return false;
        }
        connections++;
        return true;
    }

    private boolean enter(ByteBuffer network) {
        int known = byNetwork.getOrDefault(network, 0);
        if (known >= maxPerAddress) {
            return false;
        }
        byNetwork.put(network, known + 1);
        return true;
    }

    /** Uncounts a connection that {@link #enter} counted. */
    synchronized void leave(InetAddress remote) {
        connections--;
        if (!remote.isLoopbackAddress()) {
            byNetwork.computeIfPresent(network(remote), (network, known) -> known > 1 ? known - 1 : null);
        }
    }

    private static ByteBuffer network(InetAddress address) {
        byte[] bytes = address.getAddress();
        return ByteBuffer.wrap(bytes.length > IPV6_NETWORK_BYTES ? Arrays.copyOf(bytes, IPV6_NETWORK_BYTES) : bytes);
    }
}
