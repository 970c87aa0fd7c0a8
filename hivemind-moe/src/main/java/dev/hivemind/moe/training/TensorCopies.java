package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Copies of named arrays of the engine in the memory of the JVM, there and back. Used on the thread that owns the arrays. */
public final class TensorCopies {

    private TensorCopies() {}

    /** Copies of arrays of float32 or int64, by the same names in the same order. */
    public static Map<String, HostTensor> of(Map<String, NDArray> arrays) {
        Map<String, HostTensor> copies = new LinkedHashMap<>();
        arrays.forEach((name, array) -> copies.put(name, HostTensor.copyOf(array)));
        return copies;
    }

    /**
     * Makes sure that copies are of these very arrays, or of others that are like them.
     *
     * @param what the arrays are, for messages, in the plural
     * @throws IllegalArgumentException if they are not; says what differs
     */
    public static void requireFit(String what, Map<String, NDArray> arrays, Map<String, HostTensor> copies) {
        if (!arrays.keySet().equals(copies.keySet())) {
            throw new IllegalArgumentException("The %s here are %s, but those of the given state are %s"
                    .formatted(what, arrays.keySet(), copies.keySet()));
        }
        arrays.forEach((name, array) -> requireFit(name, array, copies.get(name)));
    }

    private static void requireFit(String name, NDArray array, @Nullable HostTensor copy) {
        if (copy == null || !copy.isLike(array)) {
            throw new IllegalArgumentException(
                    "%s has the shape %s here, but is %s in the given state".formatted(name, array.getShape(), copy));
        }
    }

    /** Overwrites arrays with copies that {@linkplain #requireFit fit}. */
    public static void restore(Map<String, NDArray> arrays, Map<String, HostTensor> copies) {
        arrays.forEach((name, array) -> {
            HostTensor copy = copies.get(name);
            if (copy != null) {
                copy.copyTo(array);
            }
        });
    }
}
