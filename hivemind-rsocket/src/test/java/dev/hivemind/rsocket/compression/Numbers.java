package dev.hivemind.rsocket.compression;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers as the bytes of an uncompressed tensor, and back. */
final class Numbers {

    private Numbers() {}

    static ByteBuffer allocate(TensorLayout layout) {
        return ByteBuffer.allocateDirect(layout.sizeBytes()).order(ByteOrder.LITTLE_ENDIAN);
    }

    static ByteBuffer toBytes(TensorLayout layout, double... numbers) {
        ByteBuffer bytes = allocate(layout);
        for (double number : numbers) {
            if (layout.elementBytes() == Float.BYTES) {
                bytes.putFloat((float) number);
            } else {
                bytes.putDouble(number);
            }
        }
        return bytes.flip();
    }

    static double[] fromBytes(TensorLayout layout, ByteBuffer bytes) {
        double[] numbers = new double[layout.elements()];
        java.util.Arrays.setAll(
                numbers,
                i -> layout.elementBytes() == Float.BYTES
                        ? bytes.getFloat(i * Float.BYTES)
                        : bytes.getDouble(i * Double.BYTES));
        return numbers;
    }
}
