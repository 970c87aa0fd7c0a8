package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a peer asks others to keep.
 *
 * @param key where to keep it
 * @param subkey which entry of the key's dictionary it is, at most {@value DictionaryRecord#MAX_SUBKEY_BYTES} bytes;
 *     null for a plain value
 * @param body the bytes and when they expire
 */
public record DhtRecord(DhtKey key, @Nullable ByteString subkey, PlainRecord body) {

    public DhtRecord {
        requireNonNull(key, "key");
        requireNonNull(body, "body");
        if (subkey != null) {
            DictionaryRecord.requireSubkey(subkey);
        }
    }

    /** A plain value. */
    public static DhtRecord of(DhtKey key, ByteString value, Instant expiresAt) {
        return new DhtRecord(key, null, new PlainRecord(value, expiresAt));
    }

    /** One entry of a dictionary. */
    public static DhtRecord of(DhtKey key, ByteString subkey, ByteString value, Instant expiresAt) {
        return new DhtRecord(key, subkey, new PlainRecord(value, expiresAt));
    }

    /**
     * One entry of a dictionary that only its owner can write. Its subkey is a name, then the owner's peer id; a key keeps
     * the entries of at most {@value DictionaryRecord#MAX_OWNERS} owners under one name.
     *
     * @param name at most {@value DictionaryRecord#MAX_NAME_BYTES} bytes
     * @param body what to store; without value, it withdraws what was there
     * @param sequence greater than in all records of this owner that it replaces
     */
    public static DhtRecord owned(PeerIdentity owner, DhtKey key, ByteString name, PlainRecord body, long sequence) {
        ByteString subkey = name.concat(ByteString.copyFrom(owner.id().toBytes()));
        DictionaryRecord.requireSubkey(subkey);
        Ownership owned = Ownership.sign(owner, new Ownership.Place(key.target(), subkey), body, sequence);
        return new DhtRecord(key, subkey, new PlainRecord(body.value(), body.expiresAt(), owned));
    }

    /** Where it lies. */
    public Ownership.Place place() {
        return new Ownership.Place(key.target(), subkey);
    }

    /** When it expires. */
    public Instant expiresAt() {
        return body.expiresAt();
    }

    /** The bytes of key, subkey and value. */
    public int sizeBytes() {
        return key.bytes().size() + (subkey == null ? 0 : subkey.size()) + body.sizeBytes();
    }
}
