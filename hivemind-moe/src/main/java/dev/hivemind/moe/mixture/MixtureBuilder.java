package dev.hivemind.moe.mixture;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.GridGate;
import dev.hivemind.rsocket.events.EventFeed;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The settings that all layers of experts have. Not thread-safe.
 *
 * @param <B> the builder itself
 */
abstract sealed class MixtureBuilder<B extends MixtureBuilder<B>>
        permits RemoteMixtureOfExperts.Builder, RemoteSwitchMixtureOfExperts.Builder {

    private final ExpertClient client;
    private final NDManager manager;
    private @Nullable ExpertGrid grid;
    private int inFeatures;
    private long seed;
    private MixturePolicy policy;
    private @Nullable EventFeed feed;
    private LongSupplier nanoClock = System::nanoTime;

    MixtureBuilder(ExpertClient client, NDManager manager, MixturePolicy policy) {
        this.client = requireNonNull(client, "client");
        this.manager = requireNonNull(manager, "manager");
        this.policy = policy;
    }

    /** This builder. */
    abstract B self();

    /** Where the experts lie. */
    public B grid(ExpertGrid grid) {
        this.grid = requireNonNull(grid, "grid");
        return self();
    }

    /** {@link #grid(ExpertGrid)} as it is written down, such as {@code ffn.[0:32].[0:32]}. */
    public B grid(String notation) {
        return grid(ExpertGrid.parse(notation));
    }

    /** Length of the last dimension of samples. */
    public B inFeatures(int inFeatures) {
        this.inFeatures = inFeatures;
        return self();
    }

    /**
     * How long experts are waited for, and how many can be done without. Default: {@link MixturePolicy#DEFAULT}, and
     * {@link MixturePolicy#LENIENT} for a switch.
     */
    public B policy(MixturePolicy policy) {
        this.policy = requireNonNull(policy, "policy");
        return self();
    }

    /**
     * Told of every pass of a batch, forward and backward: which experts were called for how many rows, how long each
     * took and why it failed, and the entropy of the gate. Default: nobody.
     */
    public B events(EventFeed feed) {
        this.feed = requireNonNull(feed, "feed");
        return self();
    }

    /** Determines the gate's first weights, and the noise of a switch. Default: 0. */
    public B seed(long seed) {
        this.seed = seed;
        return self();
    }

    /** By which peers and experts are left alone. Default: the system's. */
    B nanoClock(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
        return self();
    }

    /** @throws IllegalArgumentException if it is missing */
    final ExpertGrid grid() {
        if (grid == null) {
            throw new IllegalArgumentException("A grid is required, for example ffn.[0:32].[0:32]");
        }
        return grid;
    }

    final long seed() {
        return seed;
    }

    final GridGate gate() {
        return GridGate.create(manager, inFeatures, grid(), seed);
    }

    /** @param outputs of the experts; null if they have one that is like the samples */
    final ExpertMixture mixture(int kBest, @Nullable Outputs outputs) {
        return new ExpertMixture(client, new ExpertMixture.Settings(grid(), kBest, policy, outputs, feed, nanoClock));
    }
}
