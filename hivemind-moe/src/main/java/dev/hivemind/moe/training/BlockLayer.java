package dev.hivemind.moe.training;

import static java.util.Objects.requireNonNull;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A DJL block whose parameters a step may have copies of. Frozen parameters and running averages are buffers, which all
 * steps share. A batch that is trained changes copies of the running averages, whose difference is added to them when the
 * batch is accepted. Of a batch that began before others were accepted it is a part only, the smaller the more they are:
 * each would else go the whole way from the same old averages, and all together far beyond what they have seen.
 */
final class BlockLayer implements TrainableLayer {

    private final Block block;
    private final Map<String, Parameter> trained = new LinkedHashMap<>();
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();
    private final Map<String, NDArray> buffers = new LinkedHashMap<>();

    /** How often a batch has changed the running averages. Used on the tensor thread. */
    private long changes;

    /** @throws IllegalArgumentException unless the block is initialized */
    BlockLayer(String name, Block block) {
        this.block = requireNonNull(block, "block");
        block.getParameters().forEach(entry -> add(name, entry.getKey(), entry.getValue()));
    }

    private void add(String segment, String name, Parameter parameter) {
        if (!parameter.isInitialized()) {
            throw new IllegalArgumentException(
                    "The block of segment '%s' is to be initialized before it is trained".formatted(segment));
        }
        if (parameter.requiresGradient()) {
            trained.put(name, parameter);
            parameters.put(name, parameter.getArray());
        } else {
            buffers.put(name, parameter.getArray());
        }
    }

    @Override
    public Map<String, NDArray> parameters() {
        return Collections.unmodifiableMap(parameters);
    }

    @Override
    public Map<String, NDArray> buffers() {
        return Collections.unmodifiableMap(buffers);
    }

    /** Running averages change at once here. */
    @Override
    public Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> values) {
        return forward(tape, inputs, values, () -> {}, Runnable::run);
    }

    /**
     * The same for a batch that may be given up.
     *
     * @param seeding done right before, by the same computation
     * @param onAccepted takes what is to be done when the batch is accepted, while the tape still lives
     */
    Mono<NDList> forward(
            ReactiveTape tape,
            NDList inputs,
            Map<String, NDArray> values,
            Runnable seeding,
            Consumer<Runnable> onAccepted) {
        return tape.local(() -> {
            seeding.run();
            BoundParameters bound = bind(tape.manager(), values, tape.isRecording());
            NDList outputs = block.forward(bound, inputs, tape.isRecording());
            if (!bound.averages.isEmpty()) {
                long seen = changes;
                onAccepted.accept(() -> bound.applyAverages(1 + changes++ - seen));
            }
            return outputs;
        });
    }

    private BoundParameters bind(NDManager manager, Map<String, NDArray> values, boolean training) {
        Map<String, NDArray> byId = new LinkedHashMap<>();
        trained.forEach((name, parameter) -> byId.put(parameter.getId(), requireNonNull(values.get(name), name)));
        return new BoundParameters(manager, byId, training);
    }

    /** Gives a block the arrays of one step. */
    private static final class BoundParameters extends ParameterStore {

        private final NDManager tape;
        private final Map<String, NDArray> byId;
        private final boolean training;
        private final List<Average> averages = new ArrayList<>();

        BoundParameters(NDManager manager, Map<String, NDArray> byId, boolean training) {
            super(manager, false);
            this.tape = manager;
            this.byId = byId;
            this.training = training;
        }

        @Override
        @SuppressWarnings("NullAway") // DJL's blocks ask for optional parameters, which they may not have
        public @Nullable NDArray getValue(@Nullable Parameter parameter, Device device, boolean training) {
            if (parameter == null) {
                return null;
            }
            return byId.computeIfAbsent(parameter.getId(), id -> frozen(parameter));
        }

        private NDArray frozen(Parameter parameter) {
            return training && isAverage(parameter) ? copied(parameter.getArray()) : shared(parameter.getArray());
        }

        private static boolean isAverage(Parameter parameter) {
            return parameter.getType() == Parameter.Type.RUNNING_MEAN
                    || parameter.getType() == Parameter.Type.RUNNING_VAR;
        }

        /** The same memory on the tape, so that what is computed of it is freed with the tape. */
        private NDArray shared(NDArray frozen) {
            NDArray leaf = TensorOps.leaf(frozen, false);
            leaf.attach(tape);
            return leaf;
        }

        private NDArray copied(NDArray original) {
            NDArray shared = shared(original);
            var average = new Average(original, shared.duplicate(), shared.duplicate());
            averages.add(average);
            return average.after;
        }

        /** On the tensor thread. */
        void applyAverages(long parts) {
            TensorOps.withGradMode(false, () -> {
                averages.forEach(average -> average.apply(parts));
                return averages;
            });
        }
    }

    /** A running average, and what a batch made of it. */
    private record Average(NDArray original, NDArray before, NDArray after) {

        /** @param parts one of which is applied */
        void apply(long parts) {
            try (NDArray change = after.sub(before)) {
                if (parts > 1) {
                    change.divi(parts);
                }
                original.addi(change);
            }
        }
    }
}
