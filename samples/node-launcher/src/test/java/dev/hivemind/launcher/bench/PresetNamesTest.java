package dev.hivemind.launcher.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The presets of this command are those of the benchmarks, which this module cannot depend on. */
class PresetNamesTest {

    private static final Path PRESETS =
            Path.of("../../benchmarks/src/main/java/dev/hivemind/benchmarks/throughput/Preset.java");
    private static final Pattern DEFINITION = Pattern.compile("^ +of\\w+\\(\"(\\w+)\", ", Pattern.MULTILINE);

    @Test
    void known_areThePresetsOfTheBenchmarksAndTwoMore() throws IOException {
        Stream<String> defined =
                DEFINITION.matcher(Files.readString(PRESETS)).results().map(definition -> definition.group(1));

        List<String> expected =
                Stream.concat(defined, Stream.of("start", Bench.DHT)).toList();
        assertThat(Bench.known()).hasSizeGreaterThan(2).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void help_namesEachPreset() {
        String[] footer = new CommandLine(new BenchCommand())
                .getCommandSpec()
                .usageMessage()
                .footer();

        assertThat(String.join(" ", footer).split("\\W+")).containsAll(Bench.known());
    }
}
