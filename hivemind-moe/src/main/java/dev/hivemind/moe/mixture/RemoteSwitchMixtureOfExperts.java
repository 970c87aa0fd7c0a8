package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.GridGate;
import dev.hivemind.moe.gating.GridUtilization;
import dev.hivemind.moe.gating.SwitchGate;
import reactor.core.publisher.Mono;

/**
 * A layer that sends every sample to the one expert that its gate finds most probable, and adds that expert's output,
 * scaled by the probability, to the sample (Fedus, Zoph and Shazeer 2021). A sample whose expert fails passes unchanged.
 *
 * <p>In training the gate sees samples through a little noise, and indices of the grid may be left out by chance; both
 * leave the samples themselves alone. A balancing loss, to be added to the loss of the model with a small factor, keeps
 * the gate from preferring a few experts: its gradient lowers the probabilities of what was used more than the rest.
 *
 * <p>Faces, threads and errors are those of {@link RemoteMixtureOfExperts}. By default no expert is needed, so that a
 * step fails for nobody's sake.
 */
public final class RemoteSwitchMixtureOfExperts {

    private static final int TOP_ONE = 1;

    private final ExpertMixture mixture;
    private final GridGate gate;
    private final SwitchGate switching;
    private final GridUtilization utilization;

    private RemoteSwitchMixtureOfExperts(Builder builder) {
        ExpertGrid grid = builder.grid();
        this.mixture = builder.mixture(TOP_ONE, null);
        this.gate = builder.gate();
        this.switching = new SwitchGate(grid, gate, builder.jitter, builder.gridDropout, builder.seed() + 1);
        this.utilization = new GridUtilization(grid, builder.utilizationAlpha);
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
     * @param samples float32 of shape {@code (rows, …, inFeatures)}, as the experts take and give them
     * @param training whether there is noise, and the batch counts for the utilization
     */
    public Output forward(RemoteTape tape, NDArray samples, boolean training) {
        gate.requireSamples(samples);
        NDList outputs = mixture.forward(tape, new NDList(samples), onTape -> head(switching, onTape, training));
        return new Output(outputs.get(0), outputs.get(1));
    }

    /**
     * {@link #forward(RemoteTape, NDArray, boolean)} without waiting: emits the output and the balancing loss, on the
     * client's tensor thread.
     */
    public Mono<NDList> forward(ReactiveTape tape, NDList samples, boolean training) {
        return forward(tape, samples, switching, training);
    }

    private Mono<NDList> forward(ReactiveTape tape, NDList samples, SwitchGate weights, boolean training) {
        return Mono.defer(() -> {
            gate.requireSamples(samples.singletonOrThrow());
            return mixture.forward(tape, samples, onTape -> head(weights, onTape, training));
        });
    }

    private SwitchHead head(SwitchGate weights, NDList onTape, boolean training) {
        return new SwitchHead(weights, utilization, onTape.head(), training);
    }

    /**
     * This mixture as a layer of a reactive pipeline; its outputs are the output and the balancing loss. In training, that is
     * on a tape that records. Its parameters are the {@code weight} and the {@code bias} of the gate.
     */
    public TrainableLayer asLayer() {
        return new GatedLayer(
                gate, (tape, inputs, weights) -> forward(tape, inputs, switching.with(weights), tape.isRecording()));
    }

    /**
     * Weight {@code (inFeatures, scores of the grid)} and bias {@code (scores of the grid)} of the gate, which require
     * gradients.
     */
    public NDList parameters() {
        return gate.parameters();
    }

    /** How samples in training were spread of late over the indices of a dimension; adds up to one. */
    public float[] utilization(int dimension) {
        return utilization.shares(dimension);
    }

    /** What this layer has done so far; counters keep growing. */
    public MixtureStatistics statistics() {
        return mixture.statistics();
    }

    /**
     * What came of a batch.
     *
     * @param output shaped like the samples
     * @param balancingLoss a scalar: as many as the grid has dimensions if its use is even, more if not
     */
    public record Output(NDArray output, NDArray balancingLoss) {}

    /** Collects the settings of a layer. Not thread-safe. */
    public static final class Builder extends MixtureBuilder<Builder> {

        private double utilizationAlpha = 0.9;
        private double gridDropout = 1;
        private double jitter = 1e-2;

        private Builder(ExpertClient client, NDManager manager) {
            super(client, manager, MixturePolicy.LENIENT);
        }

        @Override
        Builder self() {
            return this;
        }

        /** How much of the average utilization stays with each batch, from 0 to below 1. Default: 0.9. */
        public Builder utilizationAlpha(double alpha) {
            this.utilizationAlpha = alpha;
            return this;
        }

        /** The chance of each index of the grid to be kept in training, above 0 and up to 1. Default: 1. */
        public Builder gridDropout(double keep) {
            this.gridDropout = keep;
            return this;
        }

        /** How far features are scaled by chance at most, before the gate sees them in training. Default: 0.01. */
        public Builder jitter(double jitter) {
            this.jitter = jitter;
            return this;
        }

        /**
         * The layer; nothing is called before its first use.
         *
         * @throws IllegalArgumentException if a setting is missing or out of its bounds; says what to change
         */
        public RemoteSwitchMixtureOfExperts build() {
            return new RemoteSwitchMixtureOfExperts(this);
        }
    }
}
