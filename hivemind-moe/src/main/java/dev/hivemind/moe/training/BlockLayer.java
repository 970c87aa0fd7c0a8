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
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A DJL block whose parameters a step may have copies of. Frozen parameters and running averages are buffers, which all
 * steps share.
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
        return tape.local(() -> block.forward(store(tape.manager(), values), inputs, tape.isRecording()));
    }

    private ParameterStore store(NDManager manager, Map<String, NDArray> values) {
        Map<String, NDArray> byId = new LinkedHashMap<>();
        trained.forEach((name, parameter) -> byId.put(parameter.getId(), requireNonNull(values.get(name), name)));
        return new BoundParameters(manager, byId);
    }

    /** Gives a block the arrays of one step. */
    private static final class BoundParameters extends ParameterStore {

        private final Map<String, NDArray> byId;

        BoundParameters(NDManager manager, Map<String, NDArray> byId) {
            super(manager, false);
            this.byId = byId;
        }

        @Override
        @SuppressWarnings("NullAway") // DJL's blocks ask for optional parameters, which they may not have
        public @Nullable NDArray getValue(@Nullable Parameter parameter, Device device, boolean training) {
            if (parameter == null) {
                return null;
            }
            NDArray bound = byId.get(parameter.getId());
            return bound == null ? parameter.getArray() : bound;
        }
    }
}
