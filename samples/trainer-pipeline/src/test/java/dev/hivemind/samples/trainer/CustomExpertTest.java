package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class CustomExpertTest {

    private static final Path SOURCE = Path.of("src/main/java/dev/hivemind/samples/trainer/CustomExpert.java");
    private static final Path QUICKSTART = Path.of("../../docs/QUICKSTART.md");
    private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    /** Products of numbers between -1 and 1 have a variance of one ninth, which is the loss of whoever learns nothing. */
    @Test
    void run_trainingAnExpertOfItsOwn_learnsProducts() {
        assertThat(CustomExpert.run(300)).isLessThan(0.05);
    }

    @Test
    void quickstart_aboutExpertsOfYourOwn_showsThisOne() throws IOException {
        String document = Files.readString(QUICKSTART);
        String section = document.substring(document.indexOf("\n## Experts of your own"));
        List<String> shown = JAVA.matcher(section)
                .results()
                .map((MatchResult block) -> block.group(1).indent(4))
                .map(block -> block.replaceAll("(?m)^ +$", ""))
                .toList();

        assertThat(shown).hasSize(2);
        assertThat(Files.readString(SOURCE)).contains(shown);
    }
}
