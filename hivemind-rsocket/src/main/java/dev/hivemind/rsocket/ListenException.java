package dev.hivemind.rsocket;

import dev.hivemind.rsocket.identity.PeerAddress;

/** A node cannot listen where it was told to. The message names the address and what may be wrong with it. */
public final class ListenException extends RuntimeException {

    ListenException(PeerAddress address, Throwable cause) {
        super(
                "Cannot listen on %s: the port is in use, or the address is not this machine's. Try another one, or port 0"
                        .formatted(address),
                cause);
    }
}
