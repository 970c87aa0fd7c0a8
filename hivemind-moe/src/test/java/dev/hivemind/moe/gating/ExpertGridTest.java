package dev.hivemind.moe.gating;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.dht.expert.ExpertUid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExpertGridTest {

    @ParameterizedTest
    @ValueSource(strings = {"ffn.[0:32]", "ffn.[0:32].[0:32]", "T®.3.[0:1].[0:2].[0:3]"})
    void parse_ofANotation_isReadBack(String notation) {
        assertThat(ExpertGrid.parse(notation)).hasToString(notation);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ffn",
                "ffn.",
                "ffn.[32]",
                "ffn.[1:32]",
                "ffn.[0:0]",
                "ffn[0:3]",
                ".[0:3]",
                "f.[0:3].",
                "f.[0:3]x"
            })
    void parse_ofAnythingElse_saysWhatToWrite(String notation) {
        assertThatThrownBy(() -> ExpertGrid.parse(notation)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void contains_ofExpertsInside_holdsAndOfOthersNot() {
        ExpertGrid grid = ExpertGrid.of("ffn", 4, 8);

        assertThat(grid.contains(new ExpertUid("ffn.3.7"))).isTrue();
        assertThat(grid.contains(new ExpertUid("ffn.4.7"))).isFalse();
        assertThat(grid.contains(new ExpertUid("ffn.3.8"))).isFalse();
        assertThat(grid.contains(new ExpertUid("ffn.3"))).isFalse();
        assertThat(grid.contains(new ExpertUid("ffn.3.7.0"))).isFalse();
        assertThat(grid.contains(new ExpertUid("other.3.7"))).isFalse();
    }

    @Test
    void cell_countsTheLastCoordinateFastest() {
        ExpertGrid grid = ExpertGrid.of("ffn", 2, 3, 4);

        assertThat(grid.cell(0)).hasToString("ffn.0.0.0");
        assertThat(grid.cell(7)).hasToString("ffn.0.1.3");
        assertThat(grid.cell(23)).hasToString("ffn.1.2.3");
        assertThatThrownBy(() -> grid.cell(24)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void score_isTheSumOverCoordinatesBehindThePrefix() {
        ExpertGrid grid = ExpertGrid.of("ffn.9", 2, 3);
        float[] scores = {0, 0, 0, 0, 0, 1, 2, 10, 20, 30};

        assertThat(grid.score(new ExpertUid("ffn.9.1.2"), scores, 1)).isEqualTo(32);
    }

    @Test
    void requireHolds_moreThanThereAreCells_saysWhatToChange() {
        assertThatThrownBy(() -> ExpertGrid.of("ffn", 2, 3).requireHolds(7))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("grid size 6, not 7")
                .hasMessageContaining("fewer experts, or a larger grid");
    }

    @Test
    void of_withAnEmptyDimension_isRefused() {
        assertThatThrownBy(() -> ExpertGrid.of("ffn", 2, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
