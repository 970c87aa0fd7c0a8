package dev.hivemind.moe.tensor;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.ByteBuffer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What PyTorch can do and DJL's public interface does not offer: the state of the calling thread, products of vectors
 * with Jacobians, and fused optimizer updates. The only place that imports the engine's internals.
 *
 * <p>Threads: grad mode and thread count belong to the calling thread, and grad mode is <em>on</em> in every new
 * thread, so each thread that computes starts with {@link #prepareThread(int)}. An array may be used by one thread at a
 * time.
 */
public final class TensorOps {

    private static final String ENGINE = "PyTorch";
    private static final Pattern GPU = Pattern.compile("gpu(|0|[1-9]\\d{0,2})");
    private static final float NO_WEIGHT_DECAY = 0;
    private static final float NO_RESCALING = 1;
    private static final float NO_CLIPPING = -1;

    private TensorOps() {}

    /**
     * Makes the calling thread ready to compute: loads the engine if need be, sets the number of threads that share one
     * operation, and turns grad mode off.
     *
     * @param intraOpThreads at least 1
     */
    public static void prepareThread(int intraOpThreads) {
        if (intraOpThreads < 1) {
            throw new IllegalArgumentException("intraOpThreads is at least 1, not " + intraOpThreads);
        }
        loadEngine();
        JniUtils.setNumThreads(intraOpThreads);
        JniUtils.setGradMode(false);
    }

    /** A new manager on the CPU that belongs to no other. The caller closes it. */
    public static NDManager newManager() {
        return newManager(Device.cpu());
    }

    /** A new manager on a device that belongs to no other. The caller closes it. */
    public static NDManager newManager(Device device) {
        return OpenManagers.track(NDManager.newBaseManager(device, ENGINE));
    }

    /**
     * The device of this name: {@code cpu}, or {@code gpu0}, {@code gpu1} and so on; {@code gpu} is the first.
     *
     * @throws IllegalArgumentException if there is none here, with a message for operators
     */
    public static Device device(String name) {
        Matcher gpu = GPU.matcher(name);
        if (name.equals("cpu")) {
            return Device.cpu();
        }
        if (!gpu.matches()) {
            throw new IllegalArgumentException(
                    "'%s' is no device: use cpu, gpu, or gpu0, gpu1 and so on".formatted(name));
        }
        int index = gpu.group(1).isEmpty() ? 0 : Integer.parseInt(gpu.group(1));
        int count = Engine.getEngine(ENGINE).getGpuCount();
        if (index >= count) {
            throw new IllegalArgumentException(
                    "There is no gpu%d: PyTorch finds %d GPUs here. It needs a build for CUDA, see docs/DEVICES.md"
                            .formatted(index, count));
        }
        return Device.gpu(index);
    }

    /**
     * How many managers of {@link #newManager()} are open now. A number that grows for ever means that native memory
     * leaks.
     */
    public static int openManagers() {
        return OpenManagers.count();
    }

    /** Whether operations of the calling thread record a graph for gradients. */
    public static boolean isGradMode() {
        loadEngine();
        return JniUtils.isGradMode();
    }

    /** Whether operations of the calling thread record a graph for gradients from now on. */
    public static void setGradMode(boolean enabled) {
        loadEngine();
        JniUtils.setGradMode(enabled);
    }

    /** Does work in a grad mode, and returns the calling thread to the mode that it had. */
    public static <T> T withGradMode(boolean enabled, Supplier<T> work) {
        boolean before = isGradMode();
        setGradMode(enabled);
        try {
            return work.get();
        } finally {
            setGradMode(before);
        }
    }

    /**
     * Adds to the gradient of every leaf below {@code output} the product of {@code outputGradient} with the Jacobian of
     * {@code output} with respect to that leaf. Gradients accumulate; see {@link #zeroGradient}.
     *
     * @param outputGradient of the shape and type of {@code output}
     * @param keepGraph whether the graph is needed again, for example for a second output of the same computation
     */
    public static void vectorJacobianProduct(NDArray output, NDArray outputGradient, boolean keepGraph) {
        JniUtils.backward(pytorch(output), pytorch(outputGradient), keepGraph, false);
    }

    /**
     * A handle on the place of an array in its graph, to which {@link #vectorJacobianProduct} can be applied whether the
     * array belongs to a graph or not: where it does not, there is nobody who sees the gradient. Shares the memory of the
     * array, and keeps its graph when the array is closed. To be made in grad mode.
     *
     * @param array of floating point numbers
     * @param manager owns the handle
     */
    public static NDArray placeInGraph(NDArray array, NDManager manager) {
        NDArray handle = array.reshape(array.getShape());
        handle.attach(manager);
        // Without effect inside a graph; outside, the handle becomes a leaf of its own. Asking first is not possible:
        // the
        // engine answers by an exception that takes milliseconds.
        handle.setRequiresGradient(true);
        return handle;
    }

    /**
     * The gradient that has gathered at a leaf, or null if none has reached it. The engine makes zeros up instead, which
     * cannot be told from a gradient of zeros by their elements; but they are made anew each time, while a gradient is one
     * and the same.
     *
     * @param leaf that requires a gradient
     * @return belongs to the manager of the leaf
     */
    public static @Nullable NDArray gradientOf(NDArray leaf) {
        NDArray gradient = leaf.getGradient();
        if (leaf.size() == 0) {
            return gradient;
        }
        try (NDArray again = leaf.getGradient()) {
            if (isSameMemory(gradient, again)) {
                return gradient;
            }
            gradient.close();
            return null;
        }
    }

    private static boolean isSameMemory(NDArray one, NDArray other) {
        ByteBuffer first = one.toByteBuffer(true);
        ByteBuffer second = other.toByteBuffer(true);
        byte before = first.get(0);
        first.put(0, (byte) ~before);
        boolean same = second.get(0) == (byte) ~before;
        first.put(0, before);
        return same && second.get(0) == before;
    }

    /** Sets the gradient of a leaf to zero; without effect on a leaf that has none yet. */
    public static void zeroGradient(NDArray leaf) {
        JniUtils.zeroGrad(pytorch(leaf));
    }

    /**
     * A leaf with the elements of {@code source}: it shares their memory but no graph, and no gradient yet. It belongs
     * to the manager of {@code source} and is closed by the caller or with that manager.
     *
     * @param requiresGradient whether the leaf collects a gradient; elements must then be floating point numbers
     */
    public static NDArray leaf(NDArray source, boolean requiresGradient) {
        NDArray leaf = source.stopGradient();
        if (requiresGradient) {
            leaf.setRequiresGradient(true);
        }
        return leaf;
    }

    /** Subtracts {@code learningRate * gradient} from the weight, in place and outside any graph. */
    public static void sgdUpdate(NDArray weight, NDArray gradient, double learningRate) {
        // The engine's own update makes two copies of the gradient instead of one.
        withGradMode(false, () -> {
            try (NDArray rate = scalar(weight.getManager(), learningRate);
                    NDArray change = gradient.mul(rate)) {
                return weight.subi(change);
            }
        });
    }

    /** An array of one number and no dimension. */
    public static NDArray scalar(NDManager manager, double number) {
        return JniUtils.full(
                pytorch(manager), new Shape(), number, DataType.FLOAT32, manager.getDevice(), SparseFormat.DENSE);
    }

    /** The number in an array of one floating point number. */
    public static double number(NDArray scalar) {
        return switch (scalar.getDataType()) {
            case FLOAT32 -> scalar.toByteBuffer(true).getFloat(0);
            case FLOAT64 -> scalar.toByteBuffer(true).getDouble(0);
            default -> {
                try (NDArray precise = scalar.toType(DataType.FLOAT64, true)) {
                    yield precise.toByteBuffer(true).getDouble(0);
                }
            }
        };
    }

    /**
     * One step of Adam in PyTorch's form, in place and outside any graph: updates both moments, then the weight by
     * {@code learningRate * mean' / (sqrt(variance') + epsilon)}, where the marks stand for correction of the bias.
     *
     * @param mean first moment, zero before the first step
     * @param variance second moment, zero before the first step
     */
    public static void adamUpdate(NDArray weight, NDArray gradient, NDArray mean, NDArray variance, AdamStep step) {
        JniUtils.adamUpdate(
                pytorch(weight),
                pytorch(gradient),
                pytorch(mean),
                pytorch(variance),
                (float) step.learningRate(),
                (float) step.correctedLearningRate(),
                NO_WEIGHT_DECAY,
                NO_RESCALING,
                NO_CLIPPING,
                step.beta1(),
                step.beta2(),
                (float) step.correctedEpsilon(),
                false);
    }

    private static PtNDManager pytorch(NDManager manager) {
        if (manager instanceof PtNDManager pytorch) {
            return pytorch;
        }
        throw new IllegalArgumentException("Not a manager of the " + ENGINE + " engine: "
                + manager.getEngine().getEngineName());
    }

    private static void loadEngine() {
        Engine.getEngine(ENGINE);
    }

    private static PtNDArray pytorch(NDArray array) {
        if (array instanceof PtNDArray pytorch) {
            return pytorch;
        }
        throw new IllegalArgumentException("Not an array of the " + ENGINE + " engine: "
                + array.getManager().getEngine().getEngineName());
    }
}
