package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CustomExpertTest {

    /** Products of numbers between -1 and 1 have a variance of one ninth, which is the loss of whoever learns nothing. */
    @Test
    void run_trainingAnExpertOfItsOwn_learnsProducts() {
        assertThat(CustomExpert.run(300)).isLessThan(0.05);
    }
}
