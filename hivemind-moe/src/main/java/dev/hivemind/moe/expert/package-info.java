/**
 * What an expert is, apart from where it runs: the tensors it takes and gives, and how one is made.
 *
 * <p>{@link dev.hivemind.moe.expert.ExpertSchema} is the contract between a server and its callers, checked on both
 * sides before anything is computed. {@link dev.hivemind.moe.expert.ExpertFactory} is the interface for new kinds of
 * experts, found with {@link java.util.ServiceLoader}; {@link dev.hivemind.moe.expert.FeedForwardExpert} is the first.
 */
@NullMarked
package dev.hivemind.moe.expert;

import org.jspecify.annotations.NullMarked;
