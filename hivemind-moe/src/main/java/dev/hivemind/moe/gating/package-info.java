/**
 * Which experts a sample goes to.
 *
 * <p>{@link dev.hivemind.moe.gating.GridGate} scores the cells of an expert grid, after the product-key gating of
 * Ryabinin and Gusev, "Towards Crowdsourced Training of Large Neural Networks using Decentralized Mixture-of-Experts"
 * (2020), section 3.2; {@link dev.hivemind.moe.gating.Routing} picks the best living ones and groups rows by expert.
 */
@NullMarked
package dev.hivemind.moe.gating;

import org.jspecify.annotations.NullMarked;
