package dev.hivemind.dht.storage;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Checks signatures, and asks the node's validator. Remembers which signatures were right, since the same record comes
 * from every peer that keeps it. Thread-safe.
 */
public final class Authenticity {

    private static final int MAX_REMEMBERED = 16_384;

    private final RecordValidator validator;
    private final Map<ByteString, Boolean> proven = Collections.synchronizedMap(new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<ByteString, Boolean> eldest) {
            return size() > MAX_REMEMBERED;
        }
    });

    /** Checks for a node with this validator. */
    public Authenticity(RecordValidator validator) {
        this.validator = requireNonNull(validator, "validator");
    }

    /** Begins to check what one peer sent at once. */
    public Inspection inspection() {
        return new Inspection(this);
    }

    /** Whether there is nothing to check, since nobody owns a value, and everything that nobody owns is welcome. */
    public boolean trusts(DhtValue value) {
        if (validator != RecordValidator.ANY) {
            return false;
        }
        return value instanceof DictionaryRecord dictionary
                ? dictionary.entries().values().stream().allMatch(this::trusts)
                : ((PlainRecord) value).owned() == null;
    }

    @Nullable PutResult refusal(Ownership.Place place, PlainRecord body) {
        if (!isAuthentic(place, body)) {
            return PutResult.UNAUTHENTIC;
        }
        return validator.accepts(place, body) ? null : PutResult.INVALID;
    }

    private boolean isAuthentic(Ownership.Place place, PlainRecord body) {
        Ownership owned = body.owned();
        if (owned == null) {
            return true;
        } else if (place.subkey() == null) {
            return false;
        }
        ByteString digest = digest(owned, Ownership.signedBytes(place, body, owned.sequence()));
        if (proven.containsKey(digest)) {
            return true;
        }
        boolean authentic = owned.proves(place, body);
        if (authentic) {
            proven.put(digest, true);
        }
        return authentic;
    }

    private static ByteString digest(Ownership owned, byte[] signed) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            sha256.update(owned.ownerKey().toByteArray());
            sha256.update(owned.signature().toByteArray());
            return ByteString.copyFrom(sha256.digest(signed));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
