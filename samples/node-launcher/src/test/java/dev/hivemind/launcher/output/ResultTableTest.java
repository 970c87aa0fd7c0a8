package dev.hivemind.launcher.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ResultTableTest {

    @Test
    void format_cellsOfDifferentLength_alignsColumns() {
        String table = new ResultTable("Model", "Accuracy", "Calls")
                .row("mixture of experts", "86.4 %", "4800")
                .row("linear", "84.4 %", "")
                .format();

        assertThat(table).isEqualTo("""
                        Model               Accuracy  Calls
                        ------------------  --------  -----
                        mixture of experts    86.4 %   4800
                        linear                84.4 %
                        """);
    }

    @Test
    void format_noRows_showsTheHeaders() {
        assertThat(new ResultTable("A").format()).isEqualTo("A\n-\n");
    }

    @Test
    void row_wrongNumberOfCells_throws() {
        assertThatThrownBy(() -> new ResultTable("A", "B").row("1")).isInstanceOf(IllegalArgumentException.class);
    }
}
