package dev.hivemind.moe.expert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExpertSchemaTest {

    private static final TensorSpec X = TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, 64);
    private static final TensorSpec MASK = TensorSpec.of("mask", ElementType.BOOL, TensorSpec.BATCH);
    private static final TensorSpec Y = TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, 8, 2);

    private final ExpertSchema schema = new ExpertSchema(List.of(X, MASK), List.of(Y), 16, true);

    private static TensorDescriptor x(long... shape) {
        return TensorDescriptor.of(ElementType.FLOAT32, shape);
    }

    private static TensorDescriptor mask(long... shape) {
        return TensorDescriptor.of(ElementType.BOOL, shape);
    }

    private void assertRefused(List<TensorDescriptor> inputs, String... parts) {
        assertThatThrownBy(() -> schema.requireInputs(inputs))
                .isInstanceOf(SchemaMismatchException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void requireInputs_ofFittingTensors_countsTheirRows() {
        assertThat(schema.requireInputs(List.of(x(16, 64), mask(16)))).isEqualTo(16);
    }

    @Test
    void requireInputs_ofAnotherWidth_namesBothShapes() {
        assertRefused(List.of(x(3, 11), mask(3)), "'x'", "float32(batch, 64)", "float32(3, 11)");
    }

    @Test
    void requireInputs_ofAnotherElementType_namesBoth() {
        assertRefused(
                List.of(TensorDescriptor.of(ElementType.FLOAT64, 3, 64), mask(3)),
                "float32(batch, 64)",
                "float64(3, 64)");
    }

    @Test
    void requireInputs_ofAScalar_isRefused() {
        assertRefused(List.of(x(3, 64), mask()), "'mask'", "bool(batch)", "bool()");
    }

    @Test
    void requireInputs_ofMoreDimensions_isRefused() {
        assertRefused(List.of(x(3, 64, 1), mask(3)), "float32(3, 64, 1)");
    }

    @Test
    void requireInputs_withUnequalRows_namesBothCounts() {
        assertRefused(List.of(x(3, 64), mask(2)), "'x' has 3", "'mask' 2");
    }

    @Test
    void requireInputs_ofNoRows_isRefused() {
        assertRefused(List.of(x(0, 64), mask(0)), "1 to 16 rows, not 0");
    }

    @Test
    void requireInputs_ofTooManyRows_isRefused() {
        assertRefused(List.of(x(17, 64), mask(17)), "1 to 16 rows, not 17");
    }

    @Test
    void requireInputs_ofTooFewTensors_namesWhatIsExpected() {
        assertRefused(List.of(x(3, 64)), "1 tensors were received", "takes 2", "mask: bool(batch)");
    }

    @Test
    void requireGradients_takesInputsThenGradients() {
        assertThat(schema.requireGradients(List.of(x(2, 64), mask(2), x(2, 8, 2))))
                .isEqualTo(2);
    }

    @Test
    void requireGradients_ofAnotherShape_namesTheOutput() {
        assertThatThrownBy(() -> schema.requireGradients(List.of(x(2, 64), mask(2), x(2, 8, 3))))
                .isInstanceOf(SchemaMismatchException.class)
                .hasMessageContainingAll("'gradient-of-y'", "float32(2, 8, 3)");
    }

    @Test
    void new_withCallsThatCannotTravel_isRefused() {
        var wide = TensorSpec.of("wide", ElementType.FLOAT32, TensorSpec.BATCH, 1 << 20);

        assertThatThrownBy(() -> new ExpertSchema(List.of(wide), List.of(Y), 4_096, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("4096 rows of tensor 'wide'");
    }

    @Test
    void new_withoutInputs_isRefused() {
        assertThatThrownBy(() -> new ExpertSchema(List.of(), List.of(Y), 1, true))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void newTensorSpec_withoutBatchDimension_isRefused() {
        assertThatThrownBy(() -> TensorSpec.of("x", ElementType.FLOAT32, 3, 64))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[3, 64]");
    }
}
