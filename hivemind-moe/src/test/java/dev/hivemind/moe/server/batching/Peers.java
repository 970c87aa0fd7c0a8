package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.identity.PeerId;

/** Callers for tests. */
final class Peers {

    private Peers() {}

    static PeerId peer(int number) {
        byte[] bytes = new byte[PeerId.BYTES];
        bytes[0] = (byte) number;
        return PeerId.fromBytes(bytes);
    }
}
