package dev.hivemind.moe.mixture;

import dev.hivemind.moe.client.RemoteExpert;

/**
 * One call: an expert, and the slots of the batch that it is called for.
 *
 * @param expert its number in the routing
 * @param handle who is called
 * @param slots that chose the expert, ascending; all of them, or a part if they are too many for one call
 * @param rows of the batch that the slots belong to, each once
 */
record Group(int expert, RemoteExpert handle, int[] slots, int[] rows) {}
