package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.util.List;

/**
 * What the experts of a mixture give, one row of each output. It is known beforehand, so that no expert can talk the
 * others out of it.
 */
record Outputs(List<TensorDescriptor> rows) {

    Outputs {
        rows = List.copyOf(rows);
        if (rows.stream().anyMatch(row -> row.elementType() != ElementType.FLOAT32)) {
            throw new IllegalArgumentException(
                    "Outputs of experts in a mixture are float32, which a weighted sum needs, not " + rows);
        }
    }

    static Outputs of(List<TensorSpec> outputs) {
        return new Outputs(outputs.stream().map(output -> output.withRows(1)).toList());
    }

    static Outputs like(NDArray samples) {
        long[] shape = samples.getShape().getShape().clone();
        shape[0] = 1;
        return new Outputs(List.of(TensorDescriptor.of(ElementType.FLOAT32, shape)));
    }

    /** The shapes of arrays with so many slots. */
    List<Shape> shapes(int slots) {
        return rows.stream()
                .map(row -> {
                    long[] shape = ElementTypes.toShape(row).getShape().clone();
                    shape[0] = slots;
                    return new Shape(shape);
                })
                .toList();
    }

    /** @throws SchemaMismatchException if an expert gives something else */
    void requireOf(ExpertSchema schema, Object expert) {
        List<TensorDescriptor> given =
                schema.outputs().stream().map(output -> output.withRows(1)).toList();
        if (!given.equals(rows)) {
            throw new SchemaMismatchException(
                    "%s gives %s, but the mixture expects rows of %s: tell it the outputs of its experts if those are right"
                            .formatted(expert, schema.outputs(), rows));
        }
    }
}
