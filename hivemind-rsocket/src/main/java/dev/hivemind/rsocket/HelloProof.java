package dev.hivemind.rsocket;

import dev.hivemind.rsocket.identity.PeerIdentity;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Proof that a peer holds the private half of the key in its {@link Hello}: an Ed25519 signature over a domain tag, the
 * signer's role, the nonces of both sides and the keys of both sides. Bound to one connection set-up and one role, so a
 * proof cannot be replayed or reflected.
 */
final class HelloProof {

    private static final byte[] DOMAIN = "hivemind-hello-v1".getBytes(StandardCharsets.US_ASCII);

    /** Which side signs. */
    enum Role {
        DIALLER((byte) 1),
        LISTENER((byte) 2);

        private final byte wireId;

        Role(byte wireId) {
            this.wireId = wireId;
        }
    }

    private HelloProof() {}

    static byte[] sign(PeerIdentity signer, Role role, Hello own, Hello other) {
        return signer.sign(statement(role, own, other));
    }

    static boolean verify(byte[] signature, Role role, Hello signer, Hello other) {
        return PeerIdentity.verify(signer.publicKey().toByteArray(), statement(role, signer, other), signature);
    }

    /** What is signed. */
    static byte[] statement(Role role, Hello signer, Hello other) {
        return ByteBuffer.allocate(DOMAIN.length + 1 + 2 * (Hello.NONCE_BYTES + PeerIdentity.PUBLIC_KEY_BYTES))
                .put(DOMAIN)
                .put(role.wireId)
                .put(other.nonce().toByteArray())
                .put(signer.nonce().toByteArray())
                .put(other.publicKey().toByteArray())
                .put(signer.publicKey().toByteArray())
                .array();
    }
}
