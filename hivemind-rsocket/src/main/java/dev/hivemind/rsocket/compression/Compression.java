package dev.hivemind.rsocket.compression;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A codec for tensors that this process knows. There is one instance for each, to be compared with {@code ==}.
 *
 * <p>{@link #NONE} and those of the protocol are always there; {@link TensorCodec}s on the class path are added.
 */
public final class Compression {

    /** Numbers as they are. Every peer understands it. */
    public static final Compression NONE = new Compression(new RawCodec());

    /** float32 and float64 as IEEE half precision: half the size, about three digits, ±65,504 at most. */
    public static final Compression FLOAT16 = new Compression(new Float16Codec());

    /** float32 and float64 as bytes with a common scale for up to 4,096 of them: about a quarter of the size. */
    public static final Compression INT8 = new Compression(new Int8Codec());

    private static final int FIRST_FOREIGN_ID = 64;
    private static final int LAST_FOREIGN_ID = 255;
    private static final String NAME_PATTERN = "[a-z0-9-]{1,32}";
    private static final String FEATURE_PREFIX = "compression:";

    private static final Map<Integer, Compression> BY_WIRE_ID =
            collect(ServiceLoader.load(TensorCodec.class, Compression.class.getClassLoader()));

    private final TensorCodec codec;

    private Compression(TensorCodec codec) {
        this.codec = codec;
    }

    /** The number that stands for this codec in a header; 0 for {@link #NONE}. */
    public int wireId() {
        return codec.wireId();
    }

    /** How tensors are encoded. */
    public TensorCodec codec() {
        return codec;
    }

    /** What a HELLO calls this codec, for example {@code compression:int8}. */
    public String feature() {
        return FEATURE_PREFIX + codec.name();
    }

    /** Every codec that is known here but {@link #NONE}, in the order of their ids. */
    public static List<Compression> all() {
        return BY_WIRE_ID.values().stream().filter(known -> known != NONE).toList();
    }

    /** The codecs that a peer names among its features; names that are not known here are left out. */
    public static Set<Compression> ofFeatures(Collection<String> features) {
        return all().stream()
                .filter(known -> features.contains(known.feature()))
                .collect(Collectors.toUnmodifiableSet());
    }

    /** The codec with this id, if it is known here. */
    public static Optional<Compression> find(int wireId) {
        return Optional.ofNullable(BY_WIRE_ID.get(wireId));
    }

    /**
     * The codec with this id.
     *
     * @throws ProtocolViolationException if it is not known here
     */
    public static Compression ofWireId(int wireId) {
        return find(wireId)
                .orElseThrow(() -> new ProtocolViolationException(
                        "Compression %d is unknown here: use one that the hello names, or 0 for none"
                                .formatted(Integer.toUnsignedLong(wireId))));
    }

    static Map<Integer, Compression> collect(Iterable<TensorCodec> foreign) {
        Map<Integer, Compression> known = new TreeMap<>();
        List.of(NONE, FLOAT16, INT8).forEach(own -> known.put(own.wireId(), own));
        for (TensorCodec codec : foreign) {
            requireWellFormed(codec);
            if (known.putIfAbsent(codec.wireId(), new Compression(codec)) != null) {
                throw new IllegalStateException("Two codecs have the wire id %d; one of them is %s"
                        .formatted(codec.wireId(), codec.getClass().getName()));
            }
        }
        return known;
    }

    private static void requireWellFormed(TensorCodec codec) {
        requireNonNull(codec, "codec");
        if (codec.wireId() < FIRST_FOREIGN_ID
                || codec.wireId() > LAST_FOREIGN_ID
                || !codec.name().matches(NAME_PATTERN)) {
            throw new IllegalStateException(
                    "%s needs a wire id from %d to %d and a name that matches %s, not %d and '%s'"
                            .formatted(
                                    codec.getClass().getName(),
                                    FIRST_FOREIGN_ID,
                                    LAST_FOREIGN_ID,
                                    NAME_PATTERN,
                                    codec.wireId(),
                                    codec.name()));
        }
    }

    /** The codec's name. */
    @Override
    public String toString() {
        return codec.name();
    }
}
