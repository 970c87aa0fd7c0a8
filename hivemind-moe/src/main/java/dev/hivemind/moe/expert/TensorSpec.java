package dev.hivemind.moe.expert;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One tensor of an expert's interface.
 *
 * @param name for people, 1 to 64 letters, digits, points, dashes and underscores
 * @param elementType type of every element; not bfloat16
 * @param shape length of each dimension; the first is the batch dimension and is {@link #BATCH}
 */
public record TensorSpec(String name, ElementType elementType, List<Long> shape) {

    /** Stands for the batch dimension, whose length each call chooses. */
    public static final long BATCH = -1;

    static final int MAX_NAME_LENGTH = 64;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** @throws IllegalArgumentException if the name or the shape is out of its bounds */
    public TensorSpec {
        requireNonNull(name, "name");
        requireNonNull(elementType, "elementType");
        shape = List.copyOf(shape);
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("A tensor's name matches " + NAME);
        }
        if (elementType == ElementType.BFLOAT16) {
            throw new IllegalArgumentException(
                    "Tensor '%s' is declared as float32, where bfloat16 is welcome as well".formatted(name));
        }
        if (shape.isEmpty() || shape.get(0) != BATCH || shape.size() > TensorDescriptor.MAX_RANK) {
            throw new IllegalArgumentException(
                    "Tensor '%s' needs %d as its first dimension and at most %d in all, not %s"
                            .formatted(name, BATCH, TensorDescriptor.MAX_RANK, shape));
        }
        if (shape.stream().skip(1).anyMatch(length -> length < 1 || length > Integer.MAX_VALUE)) {
            throw new IllegalArgumentException("Tensor '%s' has a dimension out of bounds: %s".formatted(name, shape));
        }
    }

    /** A spec from a shape as plain numbers, of which the first is {@link #BATCH}. */
    public static TensorSpec of(String name, ElementType elementType, long... shape) {
        return new TensorSpec(name, elementType, Arrays.stream(shape).boxed().toList());
    }

    /**
     * The tensor with this many rows.
     *
     * @throws dev.hivemind.rsocket.error.ProtocolViolationException if it would be too large to travel
     */
    public TensorDescriptor withRows(int rows) {
        List<Long> concrete = new ArrayList<>(shape);
        concrete.set(0, (long) rows);
        return new TensorDescriptor(elementType, concrete);
    }

    /**
     * Checks element type, number of dimensions, and the length of all but the first. Where float32 is declared,
     * bfloat16 will do; compression does not matter.
     *
     * @return the number of rows received
     * @throws SchemaMismatchException that names what was expected and what was received
     */
    public int requireRows(TensorDescriptor received) {
        if (!accepts(received)) {
            throw new SchemaMismatchException(
                    "Tensor '%s' is %s, but %s was received".formatted(name, notation(), received));
        }
        return Math.toIntExact(received.shape().get(0));
    }

    /** What {@link #requireRows} checks. */
    boolean accepts(TensorDescriptor received) {
        return ElementTypes.asArray(received).elementType() == elementType && hasShapeOf(received);
    }

    private boolean hasShapeOf(TensorDescriptor received) {
        List<Long> other = received.shape();
        return other.size() == shape.size() && other.subList(1, other.size()).equals(shape.subList(1, shape.size()));
    }

    private String notation() {
        return elementType.name().toLowerCase(Locale.ROOT)
                + shape.stream()
                        .map(length -> length == BATCH ? "batch" : length.toString())
                        .collect(Collectors.joining(", ", "(", ")"));
    }

    @Override
    public String toString() {
        return name + ": " + notation();
    }
}
