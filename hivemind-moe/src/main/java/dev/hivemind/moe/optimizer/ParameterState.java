package dev.hivemind.moe.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** Arrays of zeros shaped like parameters, by {@code parameter/kind}. */
final class ParameterState implements AutoCloseable {

    private final NDManager manager;
    private final Map<String, NDArray> arrays = new LinkedHashMap<>();

    ParameterState(NDManager parent) {
        this.manager = parent.newSubManager();
    }

    /** A new array for a parameter. */
    NDArray zeros(String parameter, String kind, NDArray like) {
        NDArray zeros = manager.zeros(like.getShape(), like.getDataType());
        arrays.put(parameter + "/" + kind, zeros);
        return zeros;
    }

    Map<String, NDArray> arrays() {
        return Collections.unmodifiableMap(arrays);
    }

    @Override
    public void close() {
        manager.close();
    }
}
