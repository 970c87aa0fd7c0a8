package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Whose a record is, which only the owner can write: its signature proves it. The record's subkey ends with the owner's
 * peer id. An owned record without value is a tombstone: the owner withdrew what was there.
 *
 * @param ownerKey the raw public key, {@value PeerIdentity#PUBLIC_KEY_BYTES} bytes
 * @param sequence at least 1; of two records in one place, the greater wins
 * @param signature {@value PeerIdentity#SIGNATURE_BYTES} bytes
 */
public record Ownership(ByteString ownerKey, long sequence, ByteString signature) {

    private static final byte[] DOMAIN = "hivemind-dht-record-v1".getBytes(StandardCharsets.US_ASCII);

    public Ownership {
        requireNonNull(ownerKey, "ownerKey");
        requireNonNull(signature, "signature");
        if (ownerKey.size() != PeerIdentity.PUBLIC_KEY_BYTES
                || signature.size() != PeerIdentity.SIGNATURE_BYTES
                || sequence < 1) {
            throw new IllegalArgumentException("An owned record has a key of 32 bytes, a signature of 64, a sequence");
        }
    }

    /** The bytes that it adds to a record. */
    static final int SIZE_BYTES = PeerIdentity.PUBLIC_KEY_BYTES + PeerIdentity.SIGNATURE_BYTES + Long.BYTES;

    static Ownership sign(PeerIdentity owner, Place place, PlainRecord body, long sequence) {
        byte[] signature = owner.sign(signedBytes(place, body, sequence));
        return new Ownership(ByteString.copyFrom(owner.publicKey()), sequence, ByteString.copyFrom(signature));
    }

    /** Whether the owner's id ends the subkey, and the owner signed just this. Takes about 0.2 ms. */
    boolean proves(Place place, PlainRecord body) {
        PeerId owner = PeerId.ofPublicKey(ownerKey.toByteArray());
        ByteString subkey = place.subkey();
        return subkey != null
                && subkey.endsWith(ByteString.copyFrom(owner.toBytes()))
                && PeerIdentity.verify(
                        ownerKey.toByteArray(), signedBytes(place, body, sequence), signature.toByteArray());
    }

    static byte[] signedBytes(Place place, PlainRecord body, long sequence) {
        ByteString subkey = requireNonNull(place.subkey(), "subkey");
        ByteBuffer bytes = ByteBuffer.allocate(DOMAIN.length
                + NodeId.BYTES
                + 2 * Integer.BYTES
                + 2 * Long.BYTES
                + subkey.size()
                + body.value().size());
        bytes.put(DOMAIN).put(place.target().toBytes()).putInt(subkey.size()).put(subkey.asReadOnlyByteBuffer());
        bytes.putInt(body.value().size()).put(body.value().asReadOnlyByteBuffer());
        return bytes.putLong(body.expiresAt().toEpochMilli()).putLong(sequence).array();
    }

    /**
     * Where a record lies.
     *
     * @param target the id of its key
     * @param subkey its subkey, or null
     */
    public record Place(NodeId target, @Nullable ByteString subkey) {

        public Place {
            requireNonNull(target, "target");
        }
    }
}
