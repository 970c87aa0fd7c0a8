package dev.hivemind.moe.expert;

/**
 * What an operator chooses for a new expert.
 *
 * @param hiddenDim width of the expert's inputs and outputs, 1 to 16,384
 * @param seed the parameters depend on
 */
public record ExpertOptions(int hiddenDim, long seed) {

    /** The largest width. */
    public static final int MAX_HIDDEN_DIM = 16_384;

    public ExpertOptions {
        if (hiddenDim < 1 || hiddenDim > MAX_HIDDEN_DIM) {
            throw new IllegalArgumentException(
                    "hiddenDim lies between 1 and %d, not %d".formatted(MAX_HIDDEN_DIM, hiddenDim));
        }
    }
}
