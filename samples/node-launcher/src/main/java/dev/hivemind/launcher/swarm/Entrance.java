package dev.hivemind.launcher.swarm;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/** Enters a swarm, and if that is impossible, tells whether nobody is there or somebody else. */
public final class Entrance {

    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private Entrance() {}

    /**
     * What an action gives that connects to some addresses.
     *
     * @throws PeerUnavailableException that says what to do, if there is no peer
     */
    public static <T> T through(List<PeerAddress> addresses, Supplier<T> action) {
        try {
            return action.get();
        } catch (PeerUnavailableException nobody) {
            throw addresses.stream()
                    .filter(Entrance::isOpen)
                    .findFirst()
                    .map(Entrance::stranger)
                    .orElse(nobody);
        }
    }

    private static PeerUnavailableException stranger(PeerAddress address) {
        return new PeerUnavailableException(
                "Something listens at %s, but it does not answer as a peer of Hivemind does: give the address that a peer printed when it started"
                        .formatted(address));
    }

    private static boolean isOpen(PeerAddress address) {
        try (var socket = new Socket()) {
            socket.connect(new InetSocketAddress(address.host(), address.port()), (int) PATIENCE.toMillis());
            return true;
        } catch (IOException closed) {
            return false;
        }
    }
}
