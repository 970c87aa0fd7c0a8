package dev.hivemind.dht.storage;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * The check of what one peer sent at once. A few forgeries are left out; whoever sends many wants to keep this node busy,
 * since each costs 0.2 ms, and is not read on. Not thread-safe.
 */
public final class Inspection {

    /** Forgeries after which nothing else that came with them is looked at. */
    public static final int MAX_FORGERIES = 8;

    private final Authenticity authenticity;
    private int forgeries;

    Inspection(Authenticity authenticity) {
        this.authenticity = authenticity;
    }

    /**
     * Null if a record is welcome, else why it is not. Takes about 0.2 ms for a signature that was not seen before.
     *
     * @throws ProtocolViolationException if this is one forgery too many
     */
    public @Nullable PutResult refusal(Ownership.Place place, PlainRecord body) {
        PutResult refusal = authenticity.refusal(place, body);
        if (refusal == PutResult.UNAUTHENTIC && ++forgeries == MAX_FORGERIES) {
            throw new ProtocolViolationException("A peer sends one forged record after another");
        }
        return refusal;
    }

    /**
     * The parts of a value that are welcome, or null.
     *
     * @throws ProtocolViolationException if it contains one forgery too many
     */
    public @Nullable DhtValue welcome(NodeId target, DhtValue value) {
        if (value instanceof DictionaryRecord dictionary) {
            return welcome(target, dictionary);
        }
        PlainRecord plain = (PlainRecord) value;
        return refusal(new Ownership.Place(target, null), plain) == null ? plain : null;
    }

    private @Nullable DhtValue welcome(NodeId target, DictionaryRecord dictionary) {
        SortedMap<ByteString, PlainRecord> kept = DictionaryRecord.emptyEntries();
        dictionary.entries().forEach((subkey, body) -> {
            if (refusal(new Ownership.Place(target, subkey), body) == null) {
                kept.put(subkey, body);
            }
        });
        if (kept.isEmpty()) {
            return null;
        }
        return kept.size() == dictionary.recordCount() ? dictionary : DictionaryRecord.of(kept);
    }
}
