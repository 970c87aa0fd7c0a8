package dev.hivemind.dht.expert;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;

/**
 * What an owner says of an expert besides where it is.
 *
 * @param state whether it takes calls
 * @param load how busy the owner is: 0 is idle, 1 as much as it can do at once; more if calls wait
 * @param trainable whether calls change the expert
 * @param schemaHash equal for owners that serve the same expert; at most {@value #MAX_HASH_BYTES} bytes, empty if unknown
 */
public record ExpertStatus(State state, float load, boolean trainable, ByteString schemaHash) {

    /** The longest schema hash. */
    public static final int MAX_HASH_BYTES = 32;

    /** Takes calls, idle, not trainable, of an unknown schema. */
    public static final ExpertStatus DEFAULT = new ExpertStatus(State.ONLINE, 0, false, ByteString.EMPTY);

    /** Whether an expert takes calls. */
    public enum State {
        /** It takes calls. */
        ONLINE,
        /** It will take calls soon. */
        JOINING,
        /** It finishes its calls and takes no new ones. */
        DRAINING
    }

    public ExpertStatus {
        requireNonNull(state, "state");
        requireNonNull(schemaHash, "schemaHash");
        if (!(load >= 0 && load < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("The load of an expert is a number from 0 on, not " + load);
        }
        if (schemaHash.size() > MAX_HASH_BYTES) {
            throw new IllegalArgumentException("A schema hash has at most %d bytes".formatted(MAX_HASH_BYTES));
        }
    }

    /** The same in another state. */
    public ExpertStatus with(State newState) {
        return new ExpertStatus(newState, load, trainable, schemaHash);
    }
}
