package dev.hivemind.rsocket;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.proto.HelloMessage;
import java.security.SecureRandom;
import java.util.List;
import java.util.Set;

/**
 * What a peer says of itself when a connection is set up, checked.
 *
 * @param publicKey raw Ed25519 key, not yet proven
 * @param nonce challenge for the other side
 * @param listenAddresses where the peer accepts connections
 * @param compressions codecs that both this process and the peer know
 */
record Hello(ByteString publicKey, ByteString nonce, List<PeerAddress> listenAddresses, Set<Compression> compressions) {

    static final int PROTOCOL_VERSION = 1;
    static final int NONCE_BYTES = 32;
    static final int MAX_LISTEN_ADDRESSES = 16;
    private static final int MAX_FEATURES = 64;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** A greeting with a fresh nonce. */
    static Hello of(PeerIdentity identity, List<PeerAddress> listenAddresses) {
        byte[] nonce = new byte[NONCE_BYTES];
        RANDOM.nextBytes(nonce);
        return new Hello(
                ByteString.copyFrom(identity.publicKey()),
                ByteString.copyFrom(nonce),
                listenAddresses,
                Set.copyOf(Compression.all()));
    }

    PeerId peerId() {
        return PeerId.ofPublicKey(publicKey.toByteArray());
    }

    HelloMessage toMessage() {
        return HelloMessage.newBuilder()
                .setProtocolMin(PROTOCOL_VERSION)
                .setProtocolMax(PROTOCOL_VERSION)
                .setPublicKey(publicKey)
                .setNonce(nonce)
                .addAllFeatures(features())
                .addAllListenAddresses(
                        listenAddresses.stream().map(PeerAddress::toString).toList())
                .build();
    }

    private List<String> features() {
        return compressions.stream().map(Compression::feature).sorted().toList();
    }

    static Hello fromMessage(HelloMessage message) {
        requireSharedVersion(message);
        if (message.getPublicKey().size() != PeerIdentity.PUBLIC_KEY_BYTES
                || message.getNonce().size() != NONCE_BYTES
                || message.getListenAddressesCount() > MAX_LISTEN_ADDRESSES
                || message.getFeaturesCount() > MAX_FEATURES) {
            throw new ProtocolViolationException("The hello has a field of the wrong size");
        }
        return new Hello(
                message.getPublicKey(),
                message.getNonce(),
                addresses(message.getListenAddressesList()),
                Compression.ofFeatures(message.getFeaturesList()));
    }

    private static void requireSharedVersion(HelloMessage message) {
        int min = message.getProtocolMin();
        int max = message.getProtocolMax();
        if (min > PROTOCOL_VERSION || max < PROTOCOL_VERSION) {
            throw new IncompatiblePeerException(
                    "One peer speaks protocol versions %d to %d, the other %d only: update the older one"
                            .formatted(min, max, PROTOCOL_VERSION));
        }
    }

    private static List<PeerAddress> addresses(List<String> texts) {
        try {
            return texts.stream().map(PeerAddress::parse).toList();
        } catch (IllegalArgumentException e) {
            throw new ProtocolViolationException("The hello names a malformed listen address");
        }
    }
}
