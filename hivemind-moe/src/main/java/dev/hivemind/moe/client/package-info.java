/**
 * Experts of other peers inside your own model.
 *
 * <p>{@link dev.hivemind.moe.client.ExpertClient} finds experts, {@link dev.hivemind.moe.client.RemoteExpert} calls
 * one.
 * Two faces of one mechanism tie them to local autograd: {@link dev.hivemind.moe.client.RemoteTape}, with
 * {@link dev.hivemind.moe.client.RemoteExpertBlock}, for plain loops on a thread that waits, and
 * {@link dev.hivemind.moe.client.ReactiveTape}, with {@link dev.hivemind.moe.client.Layer}, for pipelines.
 */
@NullMarked
package dev.hivemind.moe.client;

import org.jspecify.annotations.NullMarked;
