package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.tensor.DeviceScheduler;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.UnknownExpertException;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Finds experts in the DHT and calls them. Owns a thread on which answers become arrays, its streams, and the thread of
 * their timers; {@link #dispose()} ends them and leaves the node and the directory alone. Bounds what is under way, of all its experts together. Safe for use from
 * any thread.
 */
public final class ExpertClient implements Disposable {

    /** Peers that are remembered of one expert. */
    private static final int MAX_OWNERS = 8;

    private final PeerNode node;
    private final ExpertDirectory directory;
    private final CallPolicy policy;
    private final DeviceScheduler tensors;
    private final ExpertCalls calls;

    private ExpertClient(PeerNode node, ExpertDirectory directory, CallPolicy policy, ClientLimits limits) {
        this.node = requireNonNull(node, "node");
        this.directory = requireNonNull(directory, "directory");
        this.policy = requireNonNull(policy, "policy");
        this.tensors = DeviceScheduler.create("hivemind-client", 1);
        this.calls = new ExpertCalls(
                tensors.scheduler(),
                new CallGate(requireNonNull(limits, "limits")),
                new Backoff<>(System::nanoTime),
                new CallChannels(limits.streams(), Schedulers.newSingle("hivemind-streams", true)));
    }

    /** A client with the default {@linkplain CallPolicy#DEFAULT policy} and {@linkplain ClientLimits#DEFAULT limits}. */
    public static ExpertClient create(PeerNode node, ExpertDirectory directory) {
        return create(node, directory, CallPolicy.DEFAULT);
    }

    /** A client with a policy of your own and the default {@linkplain ClientLimits#DEFAULT limits}. */
    public static ExpertClient create(PeerNode node, ExpertDirectory directory, CallPolicy policy) {
        return create(node, directory, policy, ClientLimits.DEFAULT);
    }

    /** A client with a policy and limits of your own. */
    public static ExpertClient create(
            PeerNode node, ExpertDirectory directory, CallPolicy policy, ClientLimits limits) {
        return new ExpertClient(node, directory, policy, limits);
    }

    /**
     * The expert of a uid, as the DHT knows it now.
     *
     * <p>Errors: {@link UnknownExpertException} when nobody has declared it (yet).
     */
    public Mono<RemoteExpert> expert(ExpertUid uid) {
        return directory
                .find(uid)
                .collectList()
                .filter(owners -> !owners.isEmpty())
                .map(owners -> remote(owners.subList(0, Math.min(owners.size(), MAX_OWNERS))))
                .switchIfEmpty(Mono.error(() -> new UnknownExpertException(
                        "Nobody in the DHT hosts %s. Is its server running and declared?".formatted(uid))));
    }

    /** The living experts directly below a prefix, by their coordinate. */
    public Mono<SortedMap<Integer, RemoteExpert>> successors(ExpertPrefix prefix) {
        return directory.successors(prefix).map(found -> {
            SortedMap<Integer, RemoteExpert> experts = new TreeMap<>();
            found.forEach((coordinate, descriptor) -> experts.put(coordinate, remote(descriptor)));
            return experts;
        });
    }

    /** A handle on an expert whose whereabouts are known. */
    public RemoteExpert remote(ExpertDescriptor descriptor) {
        return remote(List.of(descriptor));
    }

    /**
     * A handle on an expert that several peers host.
     *
     * @param owners of one uid, at least one, the latest declared first; all but the first are called only if they say
     *     that the expert is frozen
     */
    public RemoteExpert remote(List<ExpertDescriptor> owners) {
        if (owners.stream().map(ExpertDescriptor::uid).distinct().count() != 1) {
            throw new IllegalArgumentException("The owners of one expert are needed, not " + owners);
        }
        return RemoteExpert.of(node, owners, calls, policy);
    }

    ExpertCalls calls() {
        return calls;
    }

    /** Where experts are found. */
    public ExpertDirectory directory() {
        return directory;
    }

    /** How experts are called unless they are told otherwise. */
    public CallPolicy policy() {
        return policy;
    }

    /**
     * Closes the streams, whose calls under way are repeated one by one as their policy has it, and ends the tensor thread
     * once it has done what waits for it. Calls that need it later end in an {@link IllegalStateException}.
     */
    @Override
    public void dispose() {
        calls.channels().dispose();
        tensors.disposeAfterTasks();
    }

    @Override
    public boolean isDisposed() {
        return tensors.isDisposed();
    }
}
