package dev.hivemind.moe.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SerialEventsTest {

    private final List<Throwable> thrown = new ArrayList<>();
    private final List<String> done = new ArrayList<>();
    private final SerialEvents events = new SerialEvents(thrown::add);

    @Test
    void run_afterAnEventThatThrew_goesOn() {
        var error = new AssertionError("a bug");

        events.run(() -> {
            throw error;
        });
        events.run(() -> done.add("next"));

        assertThat(thrown).containsExactly(error);
        assertThat(done).containsExactly("next");
    }

    @Test
    void run_ofWhatIsFatal_throwsItWhenAllIsDone() {
        var error = new StackOverflowError("too deep");

        assertThatThrownBy(() -> events.run(() -> {
                    events.run(() -> done.add("behind"));
                    throw error;
                }))
                .isSameAs(error);
        events.run(() -> done.add("next"));

        assertThat(thrown).containsExactly(error);
        assertThat(done).containsExactly("behind", "next");
    }

    @Test
    void run_whenTheListenerThrowsToo_goesOn() {
        var careless = new SerialEvents(error -> {
            throw new IllegalStateException("so do I", error);
        });

        careless.run(() -> {
            throw new IllegalArgumentException("a bug");
        });
        careless.run(() -> done.add("next"));

        assertThat(done).containsExactly("next");
    }
}
