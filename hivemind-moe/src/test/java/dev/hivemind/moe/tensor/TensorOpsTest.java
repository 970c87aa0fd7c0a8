package dev.hivemind.moe.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.EnumSet;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorOpsTest {

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    @Test
    void prepareThread_turnsGradModeOff() {
        TensorOps.setGradMode(true);

        TensorOps.prepareThread(1);

        assertThat(TensorOps.isGradMode()).isFalse();
    }

    @Test
    void prepareThread_withoutThreads_isRefused() {
        assertThatThrownBy(() -> TensorOps.prepareThread(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void withGradMode_restoresTheModeBefore() {
        assertThat(TensorOps.withGradMode(true, TensorOps::isGradMode)).isTrue();
        assertThat(TensorOps.isGradMode()).isFalse();
    }

    @Test
    void withGradMode_whenTheWorkFails_restoresTheModeBefore() {
        assertThatThrownBy(() -> TensorOps.withGradMode(true, () -> {
                    throw new IllegalStateException("expected");
                }))
                .isInstanceOf(IllegalStateException.class);

        assertThat(TensorOps.isGradMode()).isFalse();
    }

    @Test
    void vectorJacobianProduct_acrossASplitGraph_equalsThatOfTheWholeGraph() {
        NDArray whole = weights();
        NDArray split = TensorOps.leaf(whole.duplicate(), true);
        whole.setRequiresGradient(true);
        TensorOps.setGradMode(true);
        NDArray upstream = arrays.manager().ones(new Shape(4, 3));

        TensorOps.vectorJacobianProduct(tail(head(whole)), upstream, false);
        NDArray head = head(split);
        NDArray border = TensorOps.leaf(head, true);
        TensorOps.vectorJacobianProduct(tail(border), upstream, false);
        TensorOps.vectorJacobianProduct(head, border.getGradient(), false);

        assertThat(split.getGradient().toFloatArray())
                .containsExactly(whole.getGradient().toFloatArray(), Offset.offset(1e-6f));
    }

    @Test
    void vectorJacobianProduct_ofTwoOutputsOfOneGraph_addsUp() {
        NDArray leaf = TensorOps.leaf(arrays.manager().create(new float[] {2}), true);
        TensorOps.setGradMode(true);
        NDArray shared = leaf.mul(leaf);
        NDArray one = arrays.manager().ones(new Shape(1));

        TensorOps.vectorJacobianProduct(shared.mul(arrays.manager().create(3f)), one, true);
        TensorOps.vectorJacobianProduct(shared.mul(arrays.manager().create(5f)), one, false);

        assertThat(leaf.getGradient().toFloatArray()).containsExactly(32f);
    }

    @Test
    void zeroGradient_forgetsWhatAccumulated() {
        NDArray leaf = TensorOps.leaf(arrays.manager().create(new float[] {2}), true);
        TensorOps.setGradMode(true);
        TensorOps.vectorJacobianProduct(
                leaf.mul(arrays.manager().create(3f)), arrays.manager().ones(new Shape(1)), false);

        TensorOps.zeroGradient(leaf);

        assertThat(leaf.getGradient().toFloatArray()).containsExactly(0f);
    }

    @Test
    void zeroGradient_ofALeafWithoutGradient_doesNothing() {
        NDArray leaf = TensorOps.leaf(arrays.manager().create(new float[] {2}), true);

        TensorOps.zeroGradient(leaf);

        assertThat(leaf.getGradient().toFloatArray()).containsExactly(0f);
    }

    @Test
    void leaf_sharesElementsAndNoGraph() {
        NDArray source = arrays.manager().create(new float[] {1});

        NDArray leaf = TensorOps.leaf(source, true);
        source.addi(1);

        assertThat(leaf.toFloatArray()).containsExactly(2f);
        assertThat(source.hasGradient()).isFalse();
        assertThat(leaf.getManager()).isSameAs(arrays.manager());
    }

    @Test
    void sgdUpdate_followsTheGradientDown() {
        NDArray weight = arrays.manager().create(new float[] {1, 2});

        TensorOps.sgdUpdate(weight, arrays.manager().create(new float[] {10, -20}), 0.05);

        assertThat(weight.toFloatArray()).containsExactly(new float[] {0.5f, 3f}, Offset.offset(1e-6f));
    }

    @Test
    void adamUpdate_ofATinyGradient_isPyTorchsFormula() {
        NDArray weight = arrays.manager().create(new float[] {0});
        NDArray gradient = arrays.manager().create(new float[] {1e-8f});
        NDArray mean = arrays.manager().zeros(new Shape(1));
        NDArray variance = arrays.manager().zeros(new Shape(1));

        TensorOps.adamUpdate(weight, gradient, mean, variance, new AdamStep(1e-3, 0.9f, 0.999f, 1e-8, 1));

        // The gradient is as large as epsilon: half a step in PyTorch's form, 0.03 of a step in DJL's.
        assertThat(weight.toFloatArray()).containsExactly(new float[] {-0.5e-3f}, Offset.offset(1e-6f));
    }

    @ParameterizedTest
    @EnumSource(DataType.class)
    void toElementType_ofAnyDataType_isTheOneThatMapsBackOrARefusal(DataType type) {
        boolean travels = EnumSet.allOf(ElementType.class).stream()
                .map(ElementTypes::toDataType)
                .anyMatch(type::equals);

        if (travels) {
            assertThat(ElementTypes.toDataType(ElementTypes.toElementType(type)))
                    .isEqualTo(type);
        } else {
            assertThatThrownBy(() -> ElementTypes.toElementType(type))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(type.toString());
        }
    }

    private static NDArray head(NDArray weight) {
        return weight.mul(weight).tanh();
    }

    private static NDArray tail(NDArray hidden) {
        return hidden.exp().mul(hidden);
    }

    private NDArray weights() {
        var random = new Random(1);
        float[] values = new float[12];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, new Shape(4, 3));
    }
}
