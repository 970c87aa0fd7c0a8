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
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A DJL block whose parameters a step may have copies of. Frozen parameters and running averages are buffers, which all
 * steps share: running averages follow each batch that goes forward, also one that makes no step in the end.
 */
final class BlockLayer implements TrainableLayer {

    private final Block block;
    private final Map<String, Parameter> trained = new LinkedHashMap<>();
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();
    private final Map<String, NDArray> buffers = new LinkedHashMap<>();

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

    @Override
    public Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> values) {
        return forward(tape, inputs, values, () -> {});
    }

    /** @param seeding done right before, by the same computation */
    Mono<NDList> forward(ReactiveTape tape, NDList inputs, Map<String, NDArray> values, Runnable seeding) {
        return tape.local(() -> {
            seeding.run();
            return block.forward(store(tape.manager(), values), inputs, tape.isRecording());
        });
    }

    private ParameterStore store(NDManager manager, Map<String, NDArray> values) {
        Map<String, NDArray> byId = new LinkedHashMap<>();
        trained.forEach((name, parameter) -> byId.put(parameter.getId(), requireNonNull(values.get(name), name)));
        return new BoundParameters(manager, byId);
    }

    /** Gives a block the arrays of one step. */
    private static final class BoundParameters extends ParameterStore {

        private final NDManager tape;
        private final Map<String, NDArray> byId;

        BoundParameters(NDManager manager, Map<String, NDArray> byId) {
            super(manager, false);
            this.tape = manager;
            this.byId = byId;
        }

        @Override
        @SuppressWarnings("NullAway") // DJL's blocks ask for optional parameters, which they may not have
        public @Nullable NDArray getValue(@Nullable Parameter parameter, Device device, boolean training) {
            if (parameter == null) {
                return null;
            }
            return byId.computeIfAbsent(parameter.getId(), id -> shared(parameter));
        }

        /** The same memory on the tape, so that what is computed of it is freed with the tape. */
        private NDArray shared(Parameter frozen) {
            NDArray leaf = TensorOps.leaf(frozen.getArray(), false);
            leaf.attach(tape);
            return leaf;
        }
    }
}
