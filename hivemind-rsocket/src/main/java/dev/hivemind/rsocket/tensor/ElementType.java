package dev.hivemind.rsocket.tensor;

import dev.hivemind.rsocket.error.ProtocolViolationException;

/** The element types that may travel. A peer that names any other is refused before a byte is allocated. */
public enum ElementType {
    FLOAT32(1, 4),
    FLOAT64(2, 8),
    FLOAT16(3, 2),
    UINT8(4, 1),
    INT8(5, 1),
    INT32(6, 4),
    INT64(7, 8),
    /** One byte an element, 0 or 1. */
    BOOL(8, 1),
    /** The upper half of a float32: its range, but three digits at most. See {@link Bfloat16}. */
    BFLOAT16(9, 2);

    private static final ElementType[] BY_WIRE_ID = values();

    private final int wireId;
    private final int sizeBytes;

    ElementType(int wireId, int sizeBytes) {
        this.wireId = wireId;
        this.sizeBytes = sizeBytes;
    }

    /** The number that stands for this type in a header. */
    public int wireId() {
        return wireId;
    }

    /** Bytes an element takes. */
    public int sizeBytes() {
        return sizeBytes;
    }

    /** Whether elements are floating point numbers, which can carry gradients. */
    public boolean isFloatingPoint() {
        return this == FLOAT32 || this == FLOAT64 || this == FLOAT16 || this == BFLOAT16;
    }

    /**
     * The type with this wire id.
     *
     * @throws ProtocolViolationException if there is none
     */
    public static ElementType ofWireId(int wireId) {
        if (wireId < 1 || wireId > BY_WIRE_ID.length) {
            throw new ProtocolViolationException("Unknown element type " + wireId);
        }
        return BY_WIRE_ID[wireId - 1];
    }
}
