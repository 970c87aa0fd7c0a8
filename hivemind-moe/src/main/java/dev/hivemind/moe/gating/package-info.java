/**
 * Which experts a sample goes to.
 *
 * <p>{@link dev.hivemind.moe.gating.GridGate} scores the indices of an {@link dev.hivemind.moe.gating.ExpertGrid}, after
 * the product-key gating of Ryabinin and Gusev, "Towards Crowdsourced Training of Large Neural Networks using
 * Decentralized Mixture-of-Experts" (2020), section 3.2. {@link dev.hivemind.moe.gating.BeamSearch} finds the best living
 * experts for such scores in the DHT; {@link dev.hivemind.moe.gating.Routing} says which row goes to which.
 */
@NullMarked
package dev.hivemind.moe.gating;

import org.jspecify.annotations.NullMarked;
