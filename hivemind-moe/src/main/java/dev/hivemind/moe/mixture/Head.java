package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDList;
import dev.hivemind.moe.gating.Routing;

/**
 * The local half of a layer, for one batch: what it thinks of the experts, and what it makes of their outputs. Part of
 * the graph of a tape; used on the tape's thread.
 */
interface Head {

    /** Rows of scores, as many as the grid has. */
    float[] scores();

    /**
     * The outputs of the layer.
     *
     * @param outputs as leaves of the graph
     */
    NDList combine(Routing routing, ExpertOutputs outputs);
}
