/**
 * The boundary between tensors as bytes and tensors as DJL arrays, and the little that this code base needs beyond DJL's
 * public interface.
 *
 * <p>{@link dev.hivemind.moe.tensor.TensorOps} is the only class that knows the PyTorch engine by name;
 * {@link dev.hivemind.moe.tensor.NDArrayFrames} copies between arrays and frames, once each way;
 * {@link dev.hivemind.moe.tensor.DeviceScheduler} owns the thread on which arrays are touched. This package imports
 * nothing else from its module.
 */
@NullMarked
package dev.hivemind.moe.tensor;

import org.jspecify.annotations.NullMarked;
