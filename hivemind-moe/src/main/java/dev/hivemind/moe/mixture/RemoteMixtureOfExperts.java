package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.gating.GridGate;
import dev.hivemind.moe.gating.GridMismatchException;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A layer that sends every sample to the {@code kBest} experts its gate prefers and adds up their outputs, weighted by
 * the softmax of their logits (Ryabinin and Gusev 2020, section 2.3).
 *
 * <p>The gate sees a sample as the average over all its dimensions but the last. Each distinct expert is called once per
 * step, with all rows that chose it, or as often as its {@code maxBatchSize} asks for. An expert that fails, answers
 * nonsense or is late drops out of the softmax of its samples, and is left alone for a while; the
 * {@link MixturePolicy} says how long that is waited for, and what becomes of samples that have too few left.
 * Gradients flow to the gate through the softmax, and to the samples through experts and gate.
 *
 * <p>Two faces, as of a {@link dev.hivemind.moe.client.RemoteExpert}: {@link #forward(RemoteTape, NDArray)} for loops on
 * a thread that waits, {@link #asLayer()} for pipelines. One batch at a time, or several as far as the gate's parameters
 * are used by one thread at a time. The parameters belong to the manager given to the builder.
 *
 * <p>Errors of both: {@link PeerUnavailableException} when no expert is alive, none of those chosen answers, or too few do
 * and the policy says {@link Shortfall#FAIL}; {@link GridMismatchException} when experts are declared, but none in the
 * grid; {@link DeadlineExceededException} when the DHT does not answer in time. After each of the transient ones the same
 * step may be tried again, unless it had gone backward. Cancellation reaches the experts.
 */
public final class RemoteMixtureOfExperts {

    private final ExpertMixture mixture;
    private final GridGate gate;

    private RemoteMixtureOfExperts(ExpertMixture mixture, GridGate gate) {
        this.mixture = mixture;
        this.gate = gate;
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
     * {@link #forward(RemoteTape, NDList)} for experts with one input and one output.
     *
     * @param samples float32 of shape {@code (rows, …, inFeatures)}
     * @return float32 of shape {@code (rows, …)}, as the experts' outputs are, owned by the tape
     */
    public NDArray forward(RemoteTape tape, NDArray samples) {
        return forward(tape, new NDList(samples)).singletonOrThrow();
    }

    /**
     * The layer's outputs for a batch, as part of the tape's graph.
     *
     * @param inputs of the experts, rows first; the first of them is what the gate sees
     * @return one array for each output of the experts, owned by the tape
     */
    public NDList forward(RemoteTape tape, NDList inputs) {
        gate.requireSamples(inputs.head());
        return mixture.forward(tape, inputs, onTape -> new SoftmaxHead(gate, onTape.head()));
    }

    /** {@link #forward(RemoteTape, NDList)} without waiting: emits on the client's tensor thread. */
    public Mono<NDList> forward(ReactiveTape tape, NDList inputs) {
        return forward(tape, inputs, gate);
    }

    private Mono<NDList> forward(ReactiveTape tape, NDList inputs, GridGate weights) {
        return Mono.defer(() -> {
            weights.requireSamples(inputs.head());
            return mixture.forward(tape, inputs, onTape -> new SoftmaxHead(weights, onTape.head()));
        });
    }

    /**
     * This mixture as a layer of a reactive pipeline, whose inputs are those of the experts. Its parameters are the
     * {@code weight} and the {@code bias} of the gate.
     */
    public TrainableLayer asLayer() {
        return new GatedLayer(gate, this::forward);
    }

    /**
     * Weight {@code (inFeatures, scores of the grid)} and bias {@code (scores of the grid)} of the gate, which require
     * gradients.
     */
    public NDList parameters() {
        return gate.parameters();
    }

    /** What this layer has done so far; counters keep growing. */
    public MixtureStatistics statistics() {
        return mixture.statistics();
    }

    /** Collects the settings of a layer. Not thread-safe. */
    public static final class Builder extends MixtureBuilder<Builder> {

        private int kBest = 4;
        private @Nullable Outputs outputs;

        private Builder(ExpertClient client, NDManager manager) {
            super(client, manager, MixturePolicy.DEFAULT);
        }

        @Override
        Builder self() {
            return this;
        }

        /** Experts per sample. Default: 4. */
        public Builder kBest(int kBest) {
            this.kBest = kBest;
            return this;
        }

        /**
         * What the experts give, all of float32; names do not matter. Experts that give something else are not called.
         * Default: one output that is like the first input.
         *
         * @throws IllegalArgumentException if other numbers than float32 are among them, or there is none
         */
        public Builder outputs(TensorSpec... outputs) {
            if (outputs.length == 0) {
                throw new IllegalArgumentException("An expert has at least one output");
            }
            this.outputs = Outputs.of(List.of(outputs));
            return this;
        }

        /**
         * The layer; nothing is called before its first use.
         *
         * @throws IllegalArgumentException if a setting is missing or out of its bounds; says what to change
         */
        public RemoteMixtureOfExperts build() {
            return new RemoteMixtureOfExperts(mixture(kBest, outputs), gate());
        }
    }
}
