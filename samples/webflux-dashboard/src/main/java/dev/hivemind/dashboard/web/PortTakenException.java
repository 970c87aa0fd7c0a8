package dev.hivemind.dashboard.web;

import dev.hivemind.rsocket.identity.PeerAddress;

/** Nobody can listen where the dashboard was to, mostly because somebody else does. The message is one line for people. */
public final class PortTakenException extends RuntimeException {

    PortTakenException(PeerAddress address, Throwable cause) {
        super(
                "The dashboard cannot listen at %s: %s. Give it another port, or 0 for any that is free"
                        .formatted(address, cause.getMessage()),
                cause);
    }
}
