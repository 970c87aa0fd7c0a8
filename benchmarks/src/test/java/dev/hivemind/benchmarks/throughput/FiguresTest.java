package dev.hivemind.benchmarks.throughput;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class FiguresTest {

    @Test
    void parse_ofALine_readsWhatWasWritten() {
        Figures read = Figures.parse(new Figures()
                .put("rate", 1.5)
                .put("calls", 3L)
                .put("none", Double.NaN)
                .toLine());

        assertThat(read.get("rate")).isEqualTo(1.5);
        assertThat(read.get("calls")).isEqualTo(3);
        assertThat(read.get("none")).isNaN();
    }

    @Test
    void parse_ofSomethingElse_saysSo() {
        assertThatThrownBy(() -> Figures.parse("Killed")).hasMessageContaining("Killed");
    }

    @Test
    void since_anEarlierMoment_isTheGrowth() {
        assertThat(new Figures()
                        .put("cpu", 5.0)
                        .since(new Figures().put("cpu", 2.0))
                        .get("cpu"))
                .isEqualTo(3);
    }
}
