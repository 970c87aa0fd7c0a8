package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;

/**
 * {@link ElementType} to DJL's {@link DataType} and back. The list is closed: types outside it abort the process when
 * they reach the engine.
 */
public final class ElementTypes {

    private ElementTypes() {}

    /** DJL's name for an element type. bfloat16, which the engine must not see, is float32 there. */
    public static DataType toDataType(ElementType elementType) {
        return switch (elementType) {
            case FLOAT32, BFLOAT16 -> DataType.FLOAT32;
            case FLOAT64 -> DataType.FLOAT64;
            case FLOAT16 -> DataType.FLOAT16;
            case UINT8 -> DataType.UINT8;
            case INT8 -> DataType.INT8;
            case INT32 -> DataType.INT32;
            case INT64 -> DataType.INT64;
            case BOOL -> DataType.BOOLEAN;
        };
    }

    /**
     * The element type of a DJL type.
     *
     * @throws IllegalArgumentException if elements of that type cannot travel
     */
    public static ElementType toElementType(DataType dataType) {
        return switch (dataType) {
            case FLOAT32 -> ElementType.FLOAT32;
            case FLOAT64 -> ElementType.FLOAT64;
            case FLOAT16 -> ElementType.FLOAT16;
            case UINT8 -> ElementType.UINT8;
            case INT8 -> ElementType.INT8;
            case INT32 -> ElementType.INT32;
            case INT64 -> ElementType.INT64;
            case BOOLEAN -> ElementType.BOOL;
            default -> throw new IllegalArgumentException("Tensors of type " + dataType + " cannot travel");
        };
    }

    /**
     * Element type and shape of an array.
     *
     * @throws IllegalArgumentException if elements of its type cannot travel
     * @throws dev.hivemind.rsocket.error.ProtocolViolationException if it has too many dimensions or elements to travel
     */
    public static TensorDescriptor describe(NDArray array) {
        return TensorDescriptor.of(
                toElementType(array.getDataType()), array.getShape().getShape());
    }

    /** What a tensor is once it is an array: not compressed, and float32 where it was bfloat16. */
    public static TensorDescriptor asArray(TensorDescriptor received) {
        return received.elementType() == ElementType.BFLOAT16
                ? new TensorDescriptor(ElementType.FLOAT32, received.shape())
                : received.uncompressed();
    }

    /** The shape of a tensor as DJL has it. */
    public static Shape toShape(TensorDescriptor descriptor) {
        return new Shape(descriptor.dimensions());
    }
}
