/**
 * Experts of other peers inside your own model.
 *
 * <p>{@link dev.hivemind.moe.client.ExpertClient} finds experts, {@link dev.hivemind.moe.client.RemoteExpert} calls
 * one, {@link dev.hivemind.moe.client.RemoteMixtureOfExperts} chooses and combines several for each sample.
 * {@link dev.hivemind.moe.client.RemoteTape} ties them to local autograd: it is the one place of the library that
 * blocks, for people who write plain loops on a thread of their own.
 */
@NullMarked
package dev.hivemind.moe.client;

import org.jspecify.annotations.NullMarked;
