package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.moe.gating.GridGate;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A layer that sends every sample to the {@code kBest} experts its gate prefers and adds up their outputs, weighted by
 * the softmax of their logits (Ryabinin and Gusev 2020, section 2.3).
 *
 * <p>Each distinct expert is called once per step, with all rows that chose it. An expert that fails or does not answer
 * in time drops out of the softmax of its samples, and its peer is left alone for a while; a sample that loses all its
 * experts gives zeros. Gradients flow to the gate through the softmax, and to the samples through experts and gate.
 *
 * <p>Thread: confined to the thread of the {@link RemoteTape} that it is used with. The gate's parameters belong to the
 * manager given to the builder.
 */
public final class RemoteMixtureOfExperts {

    /** Stands for minus infinity in a softmax: an exact zero weight, and no NaN where a whole row is masked. */
    private static final float MASKED = -1e30f;

    private final ExpertPrefix prefix;
    private final int inFeatures;
    private final int outFeatures;
    private final int gridSize;
    private final int kBest;
    private final GridGate gate;
    private final PeerBackoff backoff = new PeerBackoff(System::nanoTime);
    private final Mono<SortedMap<Integer, RemoteExpert>> discovered;
    private final MixtureStatistics statistics;

    private RemoteMixtureOfExperts(Builder builder) {
        this.prefix = requireNonNull(builder.prefix, "uidPrefix");
        this.inFeatures = builder.inFeatures;
        this.outFeatures = builder.outFeatures > 0 ? builder.outFeatures : inFeatures;
        this.gridSize = builder.gridSize;
        this.kBest = builder.kBest;
        this.gate = GridGate.create(builder.manager, inFeatures, gridSize, builder.seed);
        this.statistics = new MixtureStatistics(gridSize);
        Duration timeToLive = builder.client.policy().discoveryTimeToLive();
        this.discovered = builder.client
                .successors(prefix)
                .map(found -> found.headMap(gridSize))
                .cache(found -> timeToLive, error -> Duration.ZERO, () -> Duration.ZERO);
    }

    /**
     * Starts the description of a layer.
     *
     * @param client finds and calls the experts
     * @param manager owns the gate's parameters
     */
    public static Builder builder(ExpertClient client, NDManager manager) {
        return new Builder(client, manager);
    }

    /**
     * The layer's output for a batch, as part of the tape's graph.
     *
     * <p>Errors: {@link PeerUnavailableException} when no expert is alive or none of those chosen answers.
     *
     * @param samples float32 of shape {@code (rows, inFeatures)}
     * @return float32 of shape {@code (rows, features of the experts' output)}, owned by the tape
     */
    public NDArray forward(RemoteTape tape, NDArray samples) {
        requireSamples(samples);
        SortedMap<Integer, RemoteExpert> alive = alive(tape);
        statistics.alive(alive.size());
        NDArray onTape = samples.reshape(samples.getShape());
        onTape.attach(tape.manager());
        NDArray logits = gate.logits(onTape);
        Routing routing = Routing.best(logits.toFloatArray(), gridSize, alive.keySet(), kBest);
        var dispatch = new Dispatch(routing, alive, outFeatures, backoff, statistics);
        ExpertOutputs outputs = dispatch.forward(tape, onTape);
        NDArray stacked = tape.record(
                        new NDList(onTape),
                        new NDList(outputs.stacked()),
                        gradients -> new NDList(dispatch.backward(tape, onTape, gradients.singletonOrThrow())))
                .singletonOrThrow();
        return combine(logits, routing, outputs, stacked);
    }

    /** Weight {@code (inFeatures, gridSize)} and bias {@code (gridSize)} of the gate, which require gradients. */
    public NDList parameters() {
        return gate.parameters();
    }

    /** The experts that would be chosen from now: declared in the DHT, and their peers did not fail of late. */
    public SortedMap<Integer, RemoteExpert> alive(RemoteTape tape) {
        SortedMap<Integer, RemoteExpert> found = tape.await(discovered, late -> {});
        SortedMap<Integer, RemoteExpert> alive = new TreeMap<>(found);
        alive.values().removeIf(expert -> backoff.isBanned(expert.owner()));
        if (alive.isEmpty()) {
            throw new PeerUnavailableException(
                    found.isEmpty()
                            ? "The DHT knows no experts below '%s'. Is a server running?".formatted(prefix)
                            : "Every expert below '%s' failed of late".formatted(prefix));
        }
        return alive;
    }

    /** What this layer has done so far; counters keep growing. */
    public MixtureStatistics statistics() {
        return statistics;
    }

    /** Σ softmax(logits of the experts that answered) · outputs. */
    private NDArray combine(NDArray logits, Routing routing, ExpertOutputs outputs, NDArray stacked) {
        NDManager manager = logits.getManager();
        Shape slots = new Shape(routing.rows(), routing.width());
        long[] chosen = Arrays.stream(routing.experts()).asLongStream().toArray();
        NDArray chosenLogits = logits.gather(manager.create(chosen, slots), 1);
        NDArray weights = chosenLogits
                .add(manager.create(mask(outputs.answered()), slots))
                .softmax(1);
        NDArray perSlot = stacked.reshape(routing.rows(), routing.width(), -1);
        return weights.expandDims(2).mul(perSlot).sum(new int[] {1});
    }

    private static float[] mask(boolean[] answered) {
        float[] mask = new float[answered.length];
        for (int slot = 0; slot < mask.length; slot++) {
            mask[slot] = answered[slot] ? 0 : MASKED;
        }
        return mask;
    }

    private void requireSamples(NDArray samples) {
        Shape shape = samples.getShape();
        if (shape.dimension() != 2
                || shape.get(0) == 0
                || shape.get(1) != inFeatures
                || samples.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "Samples are float32 of shape (rows, %d) with at least one row, not %s of shape %s"
                            .formatted(inFeatures, samples.getDataType(), shape));
        }
    }

    /** Collects the settings of a layer. Not thread-safe. */
    public static final class Builder {

        private final ExpertClient client;
        private final NDManager manager;
        private @Nullable ExpertPrefix prefix;
        private int inFeatures;
        private int outFeatures;
        private int gridSize;
        private int kBest = 4;
        private long seed;

        private Builder(ExpertClient client, NDManager manager) {
            this.client = requireNonNull(client, "client");
            this.manager = requireNonNull(manager, "manager");
        }

        /** The prefix that the experts' uids share, for example {@code ffn} for {@code ffn.0}, {@code ffn.1}, … */
        public Builder uidPrefix(String uidPrefix) {
            this.prefix = new ExpertPrefix(uidPrefix.endsWith(".") ? uidPrefix : uidPrefix + ".");
            return this;
        }

        /** Length of a sample. */
        public Builder inFeatures(int inFeatures) {
            this.inFeatures = inFeatures;
            return this;
        }

        /** Length of the experts' outputs. Default: {@link #inFeatures}. */
        public Builder outFeatures(int outFeatures) {
            this.outFeatures = outFeatures;
            return this;
        }

        /** Cells of the grid; experts with higher coordinates are left alone. */
        public Builder gridSize(int gridSize) {
            this.gridSize = gridSize;
            return this;
        }

        /** Experts per sample. Default: 4. */
        public Builder kBest(int kBest) {
            this.kBest = kBest;
            return this;
        }

        /** Determines the gate's first weights. Default: 0. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /**
         * The layer; nothing is called before its first use.
         *
         * @throws IllegalArgumentException if a setting is missing or out of its bounds
         */
        public RemoteMixtureOfExperts build() {
            require(prefix != null, "uidPrefix is required");
            require(inFeatures >= 1, "inFeatures is at least 1");
            require(gridSize >= 1, "gridSize is at least 1");
            require(
                    kBest >= 1 && kBest <= gridSize,
                    "kBest lies between 1 and the grid size %d, not %d".formatted(gridSize, kBest));
            return new RemoteMixtureOfExperts(this);
        }

        private static void require(boolean condition, String message) {
            if (!condition) {
                throw new IllegalArgumentException(message);
            }
        }
    }
}
