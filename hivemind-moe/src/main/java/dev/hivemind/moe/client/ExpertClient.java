package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.tensor.DeviceScheduler;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.UnknownExpertException;
import java.util.SortedMap;
import java.util.TreeMap;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/**
 * Finds experts in the DHT and calls them. Owns one thread, on which answers become arrays; {@link #dispose()} ends it
 * and leaves the node and the directory alone. Safe for use from any thread.
 */
public final class ExpertClient implements Disposable {

    private final PeerNode node;
    private final ExpertDirectory directory;
    private final CallPolicy policy;
    private final DeviceScheduler tensors;

    private ExpertClient(PeerNode node, ExpertDirectory directory, CallPolicy policy) {
        this.node = requireNonNull(node, "node");
        this.directory = requireNonNull(directory, "directory");
        this.policy = requireNonNull(policy, "policy");
        this.tensors = DeviceScheduler.create("hivemind-client", 1);
    }

    /** A client with the {@linkplain CallPolicy#DEFAULT default} times. */
    public static ExpertClient create(PeerNode node, ExpertDirectory directory) {
        return new ExpertClient(node, directory, CallPolicy.DEFAULT);
    }

    /** A client with times of your own. */
    public static ExpertClient create(PeerNode node, ExpertDirectory directory, CallPolicy policy) {
        return new ExpertClient(node, directory, policy);
    }

    /**
     * The expert of a uid, as the DHT knows it now.
     *
     * <p>Errors: {@link UnknownExpertException} when nobody has declared it (yet).
     */
    public Mono<RemoteExpert> expert(ExpertUid uid) {
        return directory
                .find(uid)
                .next()
                .map(this::remote)
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
        return new RemoteExpert(node, descriptor, policy, tensors.scheduler());
    }

    CallPolicy policy() {
        return policy;
    }

    @Override
    public void dispose() {
        tensors.dispose();
    }

    @Override
    public boolean isDisposed() {
        return tensors.isDisposed();
    }
}
