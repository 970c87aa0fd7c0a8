package dev.hivemind.moe.expert;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What an expert takes and gives. A forward call carries the inputs and returns the outputs; a backward call carries
 * the inputs followed by one gradient for each output, shaped like it, and returns one gradient for each input. All
 * tensors of one call have equally many rows.
 *
 * @param inputs at least one
 * @param outputs at least one
 * @param maxBatchSize the most rows of one call, and of one batch on the server
 * @param trainable whether a backward call updates the expert
 */
public record ExpertSchema(List<TensorSpec> inputs, List<TensorSpec> outputs, int maxBatchSize, boolean trainable) {

    /** @throws IllegalArgumentException if a call at the limits would be too large to travel */
    public ExpertSchema {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        if (inputs.isEmpty() || outputs.isEmpty()) {
            throw new IllegalArgumentException("An expert has at least one input and one output");
        }
        if (inputs.size() + outputs.size() > TensorFrameCodec.MAX_TENSORS) {
            throw new IllegalArgumentException(
                    "An expert has at most %d inputs and outputs".formatted(TensorFrameCodec.MAX_TENSORS));
        }
        if (maxBatchSize < 1) {
            throw new IllegalArgumentException("maxBatchSize is at least 1, not " + maxBatchSize);
        }
        for (TensorSpec tensor :
                Stream.concat(inputs.stream(), outputs.stream()).toList()) {
            requireRepresentable(tensor, maxBatchSize);
        }
    }

    /** What a backward call carries. */
    public List<TensorSpec> inputsAndGradients() {
        return Stream.concat(
                        inputs.stream(),
                        outputs.stream()
                                .map(output ->
                                        new TensorSpec(gradientName(output), output.elementType(), output.shape())))
                .toList();
    }

    /**
     * Checks the tensors of a forward call.
     *
     * @return the number of rows, 1 to {@link #maxBatchSize()}
     * @throws SchemaMismatchException that names what was expected and what was received
     */
    public int requireInputs(List<TensorDescriptor> received) {
        return rows(inputs, received);
    }

    /**
     * Checks the tensors of a backward call.
     *
     * @param received inputs, then gradients of the outputs
     * @return the number of rows, 1 to {@link #maxBatchSize()}
     * @throws SchemaMismatchException that names what was expected and what was received
     */
    public int requireGradients(List<TensorDescriptor> received) {
        if (received.size() == inputs.size() + outputs.size()) {
            List<TensorDescriptor> gradients = received.subList(inputs.size(), received.size());
            List<Long> shape = received.get(0).shape();
            Long rows = shape.isEmpty() ? Long.valueOf(0) : shape.get(0);
            if (accept(inputs, received, rows) && accept(outputs, gradients, rows)) {
                return requireInLimits(Math.toIntExact(rows));
            }
        }
        return rows(inputsAndGradients(), received);
    }

    /** Whether the tensors, which may be more, are as they should be; says not why. */
    private static boolean accept(List<TensorSpec> expected, List<TensorDescriptor> received, Long rows) {
        for (int i = 0; i < expected.size(); i++) {
            if (!expected.get(i).accepts(received.get(i))
                    || !received.get(i).shape().get(0).equals(rows)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Checks the tensors of an answer to a forward call.
     *
     * @return the number of rows
     * @throws SchemaMismatchException that names what was expected and what was received
     */
    public int requireOutputs(List<TensorDescriptor> received) {
        return rows(outputs, received);
    }

    private int rows(List<TensorSpec> expected, List<TensorDescriptor> received) {
        requireCount(expected, received.size());
        int rows = expected.get(0).requireRows(received.get(0));
        for (int i = 1; i < expected.size(); i++) {
            if (expected.get(i).requireRows(received.get(i)) != rows) {
                throw new SchemaMismatchException(
                        "Tensors of one call have equally many rows, but '%s' has %d and '%s' %s"
                                .formatted(
                                        expected.get(0).name(),
                                        rows,
                                        expected.get(i).name(),
                                        received.get(i).shape().get(0)));
            }
        }
        return requireInLimits(rows);
    }

    private int requireInLimits(int rows) {
        if (rows < 1 || rows > maxBatchSize) {
            throw new SchemaMismatchException("A call has 1 to %d rows, not %d".formatted(maxBatchSize, rows));
        }
        return rows;
    }

    private static void requireCount(List<TensorSpec> expected, int received) {
        if (expected.size() != received) {
            throw new SchemaMismatchException("%d tensors were received, but the call takes %d: %s"
                    .formatted(
                            received,
                            expected.size(),
                            expected.stream().map(TensorSpec::toString).collect(Collectors.joining(", "))));
        }
    }

    private static void requireRepresentable(TensorSpec tensor, int rows) {
        try {
            tensor.withRows(rows);
        } catch (ProtocolViolationException tooLarge) {
            throw new IllegalArgumentException(
                    "%d rows of tensor '%s' are too large for one call".formatted(rows, tensor.name()), tooLarge);
        }
    }

    /** Cut to the length of a name. */
    private static String gradientName(TensorSpec output) {
        String name = "gradient-of-" + output.name();
        return name.substring(0, Math.min(name.length(), TensorSpec.MAX_NAME_LENGTH));
    }
}
