package dev.hivemind.moe.expert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpertOptionsTest {

    private static ExpertOptions parse(String factory, String option, String value) {
        return ExpertOptions.parse(ExpertFactories.named(factory), Map.of(option, value), 1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ffn | expansion | 17 | expansion is a whole number from 1 to 16, not '17'",
                "ffn | expansion | two | expansion is a whole number from 1 to 16, not 'two'",
                "ffn | hidden-dim | 0 | hidden-dim is a whole number from 1 to 16,384, not '0'",
                "ffn | hiden-dim | 8 | Experts of class 'ffn' have no option 'hiden-dim'. They have: hidden-dim, expansion",
                "nop_delay | delay | -1 | delay is seconds from 0 to 600, such as 0.5, not '-1'",
                "nop_delay | delay | later | delay is seconds from 0 to 600, such as 0.5, not 'later'",
                "det_dropout | dropout | 1 | dropout is a number from 0.0, and below 1.0, not '1'",
                "det_dropout | dropout | NaN | dropout is a number from 0.0, and below 1.0, not 'NaN'",
            })
    void parse_ofWhatIsNotAllowed_namesTheOptionAndWhatIs(String factory, String option, String value, String message) {
        assertThatThrownBy(() -> parse(factory, option, value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }

    @Test
    void parse_ofWhatIsAllowed_givesTypedValues() {
        assertThat(parse("ffn", "expansion", "2").get(FeedForwardExpert.EXPANSION))
                .isEqualTo(2);
        assertThat(parse("nop_delay", "delay", "0.25").get(DelayedNopExpert.DELAY))
                .isEqualTo(Duration.ofMillis(250));
        assertThat(parse("det_dropout", "dropout", "0.5").get(DeterministicDropoutExpert.DROPOUT))
                .isEqualTo(0.5);
    }

    @Test
    void get_ofWhatNobodyChose_isTheDefault() {
        ExpertOptions options = new ExpertOptions(8, 3);

        assertThat(options.get(ExpertOption.HIDDEN_DIM)).isEqualTo(8);
        assertThat(options.get(FeedForwardExpert.EXPANSION)).isEqualTo(4);
        assertThat(options.seed()).isEqualTo(3);
        assertThat(ExpertOptions.defaults(3).get(ExpertOption.HIDDEN_DIM)).isEqualTo(512);
    }

    @Test
    void create_withAnOptionOfAnotherKind_isRefused() {
        ExpertOptions options = new ExpertOptions(8, 1).with(DelayedNopExpert.DELAY, Duration.ZERO);

        assertThatThrownBy(() -> ExpertFactories.named("ffn").create(options)).hasMessageContaining("'delay'");
    }

    @Test
    void all_describeThemselvesAndTheirOptions() {
        assertThat(ExpertFactories.names()).contains("det_dropout", "ffn", "nop", "nop_delay", "pair");
        assertThat(ExpertFactories.all()).allSatisfy(factory -> {
            assertThat(factory.description()).isNotBlank();
            assertThat(factory.options().stream().map(ExpertOption::name))
                    .doesNotHaveDuplicates()
                    .allMatch(name -> name.matches("[a-z0-9-]+"));
        });
        assertThat(FeedForwardExpert.EXPANSION)
                .hasToString(
                        "expansion: how many times as wide the inner layer is; a whole number from 1 to 16. Default: 4");
        assertThat(new HashSet<>(ExpertFactories.names())).hasSameSizeAs(ExpertFactories.all());
    }
}
