/**
 * Layers that spread a batch over the experts of a grid, and go on without those that fail.
 *
 * <p>{@link dev.hivemind.moe.mixture.RemoteMixtureOfExperts} sends every sample to several experts and adds up their
 * outputs, {@link dev.hivemind.moe.mixture.RemoteSwitchMixtureOfExperts} to one. How long they wait, and what becomes of
 * samples that lose their experts, is a {@link dev.hivemind.moe.mixture.MixturePolicy}.
 * {@link dev.hivemind.moe.mixture.ExpertSearch} only finds the best experts for given scores.
 */
@NullMarked
package dev.hivemind.moe.mixture;

import org.jspecify.annotations.NullMarked;
