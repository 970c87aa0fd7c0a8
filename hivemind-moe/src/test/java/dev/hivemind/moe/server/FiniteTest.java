package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.server.batching.PoisonousRowsException;
import dev.hivemind.moe.tensor.ManagedArrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FiniteTest {

    private static final int ROWS = 4;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    /** Rows of which all numbers are this, but for row 2, which has another at its end. */
    private List<NDArray> rows(float usual, float odd, DataType type) {
        float[] values = new float[ROWS * 6];
        java.util.Arrays.fill(values, usual);
        values[3 * 6 - 1] = odd;
        NDArray array = arrays.manager().create(values, new Shape(ROWS, 2, 3));
        return List.of(array.toType(type, true));
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "FLOAT32", "FLOAT64"})
    void requireGiven_ofOneBadRow_namesIt(DataType type) {
        for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            PoisonousRowsException error = catchThrowableOfType(
                    PoisonousRowsException.class, () -> Finite.requireGiven(rows(1, odd, type), "An input"));

            assertThat(error.rows().stream()).containsExactly(2);
            assertThat(error.isCertain()).isTrue();
            assertThat(error).hasMessage("An input holds a number that is not finite, or too large");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "FLOAT32", "FLOAT64"})
    void requireComputed_ofNumbersWhoseSumOverflows_accepts(DataType type) {
        float large = type == DataType.FLOAT16 ? 6e4f : 3e38f;

        assertThatCode(() -> Finite.requireComputed(rows(large, large, type), "An output"))
                .doesNotThrowAnyException();
    }

    @Test
    void requireModest_ofANumberWhoseSquareOverflows_namesItsRow() {
        PoisonousRowsException error = catchThrowableOfType(
                PoisonousRowsException.class,
                () -> Finite.requireModest(rows(1, 1e20f, DataType.FLOAT32), "A gradient"));

        assertThat(error.rows().stream()).containsExactly(2);
    }

    @Test
    void requireModest_ofHalfPrecision_squaresInSinglePrecision() {
        assertThatCode(() -> Finite.requireModest(rows(6e4f, 6e4f, DataType.FLOAT16), "A gradient"))
                .doesNotThrowAnyException();
    }

    @Test
    void require_leavesNoArraysBehind() {
        List<NDArray> good = rows(1, 1, DataType.FLOAT32);
        List<NDArray> bad = rows(1, Float.NaN, DataType.FLOAT16);
        int before = arrays.count();

        Finite.requireGiven(good, "An input");
        Finite.requireModest(good, "A gradient");
        catchThrowableOfType(PoisonousRowsException.class, () -> Finite.requireGiven(bad, "An input"));
        catchThrowableOfType(PoisonousRowsException.class, () -> Finite.requireModest(bad, "A gradient"));

        assertThat(arrays.count()).isEqualTo(before);
    }

    @Test
    void requireGiven_ofIntegers_accepts() {
        assertThatCode(() -> Finite.requireGiven(rows(1, 2, DataType.INT64), "An input"))
                .doesNotThrowAnyException();
    }
}
