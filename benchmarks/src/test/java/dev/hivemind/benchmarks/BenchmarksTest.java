package dev.hivemind.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class BenchmarksTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return Benchmarks.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
    }

    @Test
    void run_ofUnknownName_listsTheNames() {
        assertThat(run("speed")).isEqualTo(2);
        assertThat(err.toString()).contains("wire");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void run_withoutRepetitions_isRefused() {
        assertThat(run("wire", "--reps", "0")).isEqualTo(2);
        assertThat(err.toString()).contains("--reps");
    }

    @Test
    void run_ofUnknownPreset_listsThePresets() {
        assertThat(run("throughput", "--preset", "fast")).isEqualTo(2);
        assertThat(err.toString()).contains("ffn_forward_backward", "latency_ffn");
    }

    @Test
    void run_ofNoRow_printsTheMachineAlone() {
        assertThat(run("wire", "--json", "--filter", "no such row")).isEqualTo(0);
        assertThat(out.toString().lines())
                .singleElement()
                .asString()
                .contains("\"jdk\"")
                .contains("\"cores\"");
    }
}
