package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDList;

/**
 * What the experts of a batch answered.
 *
 * @param stacked one array for each output of the experts, of shape {@code (slots, …)}; zeros in slots without answer
 * @param answered which slots have one that counts
 */
record ExpertOutputs(NDList stacked, boolean[] answered) {}
