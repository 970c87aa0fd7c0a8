package dev.hivemind.moe.client;

import ai.djl.ndarray.NDArray;

/**
 * What the experts of a batch answered.
 *
 * @param stacked shape {@code (slots, features…)}; zeros in the slots without answer
 * @param answered which slots have one
 */
record ExpertOutputs(NDArray stacked, boolean[] answered) {}
