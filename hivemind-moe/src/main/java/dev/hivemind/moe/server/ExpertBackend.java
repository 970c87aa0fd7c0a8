package dev.hivemind.moe.server;

import static java.util.Objects.requireNonNull;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.optimizer.ExpertOptimizer;
import dev.hivemind.moe.optimizer.Gradients;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.server.batching.BatchFunction;
import dev.hivemind.moe.server.batching.Computation;
import dev.hivemind.moe.server.batching.PoisonousRowsException;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.TensorCopies;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.rsocket.error.ExpertFailedException;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * An expert's parameters and what can be computed with them.
 *
 * <p>Threads: one at a time, but for {@link #capture}; a server uses its device thread. Ownership: the backend owns parameters
 * and optimizer state in native memory until it is closed. Results belong to the manager of the first input.
 */
public final class ExpertBackend implements AutoCloseable {

    private final ExpertDefinition definition;
    private final NDManager manager;
    private final Block block;
    private final ParameterStore store;
    private final Map<String, NDArray> parameters;
    private final Map<String, NDArray> trainable;
    private final TrainingConfig training;
    private final ExpertOptimizer optimizer;
    private boolean closed;

    private ExpertBackend(ExpertDefinition definition, TrainingConfig training, NDManager manager) {
        this.definition = definition;
        this.manager = manager;
        this.block = definition.block();
        this.store = new ParameterStore(manager, false);
        block.initialize(manager, DataType.FLOAT32, inputShapes(definition));
        this.training = training;
        this.parameters = parameters(block, training.optimizer().isTrainable());
        this.trainable = trainable(parameters);
        this.optimizer = training.optimizer().create(manager, trainable);
    }

    /**
     * An expert with fresh parameters. The caller closes it, or hands it to a server that does.
     *
     * @param definition whose block serves this backend only
     * @param optimizer how the expert learns, at a constant learning rate; {@link OptimizerConfig#frozen()} if it does not
     */
    public static ExpertBackend create(ExpertDefinition definition, OptimizerConfig optimizer) {
        return create(definition, TrainingConfig.of(optimizer));
    }

    /**
     * An expert with fresh parameters. The caller closes it, or hands it to a server that does.
     *
     * @param definition whose block serves this backend only
     * @param training how the expert learns
     */
    public static ExpertBackend create(ExpertDefinition definition, TrainingConfig training) {
        return create(definition, training, Device.cpu());
    }

    /**
     * An expert with fresh parameters on a device. The caller closes it, or hands it to a server that does.
     *
     * @param definition whose block serves this backend only
     * @param training how the expert learns
     * @param device where its parameters are, and the arrays that it is given
     */
    public static ExpertBackend create(ExpertDefinition definition, TrainingConfig training, Device device) {
        requireNonNull(definition, "definition");
        requireNonNull(training, "training");
        NDManager manager = TensorOps.newManager(requireNonNull(device, "device"));
        try {
            return new ExpertBackend(definition, training, manager);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    private static Shape[] inputShapes(ExpertDefinition definition) {
        return definition.inputs().stream()
                .map(input -> new Shape(input.withRows(1).dimensions()))
                .toArray(Shape[]::new);
    }

    private static Map<String, NDArray> parameters(Block block, boolean trainable) {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        block.getParameters().forEach(entry -> {
            NDArray array = entry.getValue().getArray();
            array.setRequiresGradient(trainable && entry.getValue().requiresGradient());
            arrays.put(entry.getKey(), array);
        });
        return Collections.unmodifiableMap(arrays);
    }

    /** Each once, even if the block has it by several names. */
    private static Map<String, NDArray> trainable(Map<String, NDArray> parameters) {
        Map<String, NDArray> arrays = new LinkedHashMap<>(parameters);
        Set<NDArray> known = Collections.newSetFromMap(new IdentityHashMap<>());
        arrays.values().removeIf(array -> !array.hasGradient() || !known.add(array));
        return arrays;
    }

    /**
     * The interface of this expert for calls of up to {@code maxBatchSize} rows.
     *
     * @throws IllegalArgumentException if a call at that limit would be too large to travel
     */
    public ExpertSchema schema(int maxBatchSize) {
        return new ExpertSchema(
                definition.inputs(),
                definition.outputs(),
                maxBatchSize,
                training.optimizer().isTrainable());
    }

    /** Where the parameters are. */
    Device device() {
        return manager.getDevice();
    }

    /** Every parameter by name. The arrays are the backend's own: to be read, on its thread. */
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    /** The optimizer, to read its state and its number of steps, on the backend's thread. */
    public ExpertOptimizer optimizer() {
        return optimizer;
    }

    /**
     * The outputs for a batch. Records no graph and changes nothing.
     *
     * @throws ExpertFailedException if an input or an output holds a number that is not finite
     */
    public NDList forward(NDList inputs) {
        return immediately(this::computeForward, inputs);
    }

    /**
     * One step of training: computes the outputs again, the gradients of inputs and parameters from those of the
     * outputs, and lets the optimizer change the parameters once. Frozen experts give the gradients of the inputs alone.
     *
     * @param inputsAndGradients the inputs, then the gradient of each output
     * @return the gradient of each input; zeros for inputs that are not floating point numbers
     * @throws ExpertFailedException if an input or a gradient holds a number that is not finite; nothing has changed then
     */
    public NDList backward(NDList inputsAndGradients) {
        return immediately(this::computeBackward, inputsAndGradients);
    }

    private static NDList immediately(BatchFunction function, NDList tensors) {
        try {
            Computation computation = function.compute(tensors);
            computation.commit().run();
            return computation.results();
        } catch (PoisonousRowsException e) {
            throw e.toRpcException();
        }
    }

    /** {@link #forward} for a pool: it names the rows that are not finite. */
    Computation computeForward(NDList inputs) {
        return Computation.of(TensorOps.withGradMode(false, () -> evaluate(inputs)))
                .pausing(definition.pause());
    }

    private NDList evaluate(NDList inputs) {
        Finite.requireGiven(inputs, "An input");
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDList outputs = block.forward(store, inputs, false);
            Finite.requireComputed(without(outputs, inputs), "An output");
            return leaving(outputs, inputs);
        }
    }

    /** An expert may hand on what it was given, and that has been checked. By identity: arrays equal by their elements. */
    private static List<NDArray> without(NDList outputs, NDList inputs) {
        return outputs.stream()
                .filter(output -> inputs.stream().noneMatch(input -> input == output))
                .toList();
    }

    /** {@link #backward} for a pool: it names the rows that are not finite, and leaves the step to the commit. */
    Computation computeBackward(NDList inputsAndGradients) {
        int inputCount = definition.inputs().size();
        NDList inputs = new NDList(inputsAndGradients.subList(0, inputCount));
        List<NDArray> outputGradients = inputsAndGradients.subList(inputCount, inputsAndGradients.size());
        return TensorOps.withGradMode(false, () -> differentiate(inputs, outputGradients));
    }

    private Computation differentiate(NDList inputs, List<NDArray> outputGradients) {
        Finite.requireGiven(inputs, "An input");
        Finite.requireModest(outputGradients, "A gradient of an output");
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDList leaves = leaves(inputs);
            var batch = new BatchParameters(manager, trainable.values());
            accumulateGradients(batch, leaves, outputGradients);
            NDList inputGradients = gradients(leaves);
            Finite.requireComputed(inputGradients, "A gradient of an input");
            NDList gradients = batch.gradients();
            NDList averages = batch.averages();
            double norm = requireFiniteNorm(gradients, "A gradient of a parameter");
            requireFiniteNorm(averages, "A running average");
            leaving(gradients, inputs);
            leaving(averages, inputs);
            return new Computation(
                    leaving(inputGradients, inputs), () -> step(batch, gradients, norm), definition.pause());
        }
    }

    private static double requireFiniteNorm(NDList arrays, String what) {
        double norm = Gradients.normOf(arrays);
        if (!Double.isFinite(norm)) {
            throw new ExpertFailedException(what + " " + Finite.COMPLAINT);
        }
        return norm;
    }

    /** @param gradients of the parameters that are trained, in their order; closed here */
    private synchronized void step(BatchParameters batch, NDList gradients, double norm) {
        try (gradients) {
            TensorOps.withGradMode(false, () -> {
                if (training.optimizer().isTrainable()) {
                    batch.keepAverages();
                }
                double clip = Gradients.clipFactor(norm, training.maxGradientNorm());
                IdentityHashMap<NDArray, NDArray> own = byParameter(gradients);
                optimizer.step(
                        training.schedule().factor(optimizer.steps()),
                        parameter -> Gradients.times(requireNonNull(own.get(parameter)), clip));
                return norm;
            });
        }
    }

    private IdentityHashMap<NDArray, NDArray> byParameter(NDList gradients) {
        IdentityHashMap<NDArray, NDArray> byParameter = new IdentityHashMap<>();
        int i = 0;
        for (NDArray parameter : trainable.values()) {
            byParameter.put(parameter, gradients.get(i++));
        }
        return byParameter;
    }

    private static NDList leaves(NDList inputs) {
        var leaves = new NDList(inputs.size());
        inputs.forEach(
                input -> leaves.add(TensorOps.leaf(input, input.getDataType().isFloating())));
        return leaves;
    }

    /** Leaves the gradients of this batch in the leaves, and at its parameters. */
    private void accumulateGradients(BatchParameters batch, NDList leaves, List<NDArray> outputGradients) {
        NDList outputs = TensorOps.withGradMode(true, () -> block.forward(batch, leaves, true));
        if (isDifferentiable(leaves)) {
            propagate(outputs, outputGradients);
        }
    }

    private boolean isDifferentiable(NDList leaves) {
        return !trainable.isEmpty() || leaves.stream().anyMatch(NDArray::hasGradient);
    }

    private static void propagate(NDList outputs, List<NDArray> outputGradients) {
        int[] floating = IntStream.range(0, outputs.size())
                .filter(i -> outputs.get(i).getDataType().isFloating())
                .toArray();
        for (int i : floating) {
            boolean keepGraph = i != floating[floating.length - 1];
            TensorOps.vectorJacobianProduct(outputs.get(i), outputGradients.get(i), keepGraph);
        }
    }

    private static NDList gradients(NDList leaves) {
        var gradients = new NDList(leaves.size());
        leaves.forEach(leaf -> gradients.add(gradient(leaf)));
        return gradients;
    }

    private static NDArray gradient(NDArray leaf) {
        if (!leaf.hasGradient()) {
            return leaf.zerosLike();
        }
        NDArray gradient = leaf.getGradient();
        // For a leaf that did not matter the engine makes up zeros of its default type.
        return gradient.getDataType() == leaf.getDataType() ? gradient : leaf.zerosLike();
    }

    /** Takes results out of the current scope, which would close them. */
    private static NDList leaving(NDList results, NDList inputs) {
        NDScope.unregister(results);
        results.attach(inputs.head().getManager());
        return results;
    }

    /** How many steps were made, on any thread. */
    synchronized int steps() {
        return optimizer.steps();
    }

    /**
     * Parameters and the state of the optimizer, copied between two steps. On any thread; waits for a step that is under way.
     *
     * @throws IllegalStateException after {@link #close}
     */
    public synchronized TrainerState capture() {
        requireOpen();
        int steps = optimizer.steps();
        return new TrainerState(steps, steps, 0, TensorCopies.of(parameters), TensorCopies.of(optimizer.state()));
    }

    /**
     * Goes on from a state that an expert of the same kind was in. Before anything is computed.
     *
     * @throws IllegalArgumentException if it is that of another kind of expert or optimizer; nothing has changed then
     */
    public synchronized void restore(TrainerState state) {
        requireOpen();
        TensorCopies.requireFit("parameters", parameters, state.parameters());
        TensorCopies.requireFit("arrays of the optimizer", optimizer.state(), state.optimizer());
        TensorCopies.restore(parameters, state.parameters());
        TensorCopies.restore(optimizer.state(), state.optimizer());
        optimizer.continueAfter(state.step());
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("The expert is closed");
        }
    }

    /** Frees parameters and optimizer state. Idempotent. */
    @Override
    public synchronized void close() {
        closed = true;
        optimizer.close();
        manager.close();
    }
}
