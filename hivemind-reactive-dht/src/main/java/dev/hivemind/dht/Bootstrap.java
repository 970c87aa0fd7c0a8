package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Finds the initial peers that are nodes of the DHT. */
final class Bootstrap {

    private static final Logger LOG = LoggerFactory.getLogger(Bootstrap.class);
    private static final int MAX_DIALS = 16;

    private final PeerNode peer;
    private final DhtRpc rpc;
    private final List<PeerAddress> initialPeers;
    private final Duration timeout;

    Bootstrap(PeerNode peer, DhtRpc rpc, List<PeerAddress> initialPeers, Duration timeout) {
        this.peer = peer;
        this.rpc = rpc;
        this.initialPeers = initialPeers;
        this.timeout = timeout;
    }

    /**
     * The initial peers that answer; empty if none were given.
     *
     * <p>Errors: {@link PeerUnavailableException} if none of them answers, naming them.
     */
    Mono<List<Contact>> run() {
        return Mono.defer(() -> {
            List<PeerAddress> others = initialPeers.stream()
                    .filter(address -> !peer.addresses().contains(address))
                    .toList();
            return others.isEmpty() ? Mono.just(List.of()) : contact(others);
        });
    }

    private Mono<List<Contact>> contact(List<PeerAddress> addresses) {
        return Flux.fromIterable(addresses)
                .flatMap(this::contact, MAX_DIALS)
                .collectList()
                .filter(contacts -> !contacts.isEmpty())
                .switchIfEmpty(Mono.error(() -> nobody(addresses)));
    }

    private Mono<Contact> contact(PeerAddress address) {
        return peer.connect(address)
                .timeout(timeout, Mono.error(() -> new PeerUnavailableException("No answer from " + address)))
                .filter(this::isOther)
                .map(connection -> contact(connection, address))
                .flatMap(contact -> rpc.ping(contact).thenReturn(contact))
                .onErrorResume(RpcException.class, error -> {
                    LOG.warn("The initial peer {} is of no use: {}", address, error.getMessage());
                    return Mono.empty();
                });
    }

    private boolean isOther(PeerConnection connection) {
        boolean other = !connection.peerId().equals(peer.id());
        if (!other) {
            connection.dispose();
        }
        return other;
    }

    /** What the peer announces comes first: others hear of it too, and to them 127.0.0.1 means somebody else. */
    private static Contact contact(PeerConnection connection, PeerAddress dialled) {
        return Contact.of(
                connection.peerId(),
                Stream.concat(connection.listenAddresses().stream(), Stream.of(dialled))
                        .distinct()
                        .toList());
    }

    private static PeerUnavailableException nobody(List<PeerAddress> addresses) {
        return new PeerUnavailableException("None of the initial peers answers: "
                + addresses.stream().map(PeerAddress::toString).collect(Collectors.joining(", "))
                + ". Check that one of them runs and can be reached from here");
    }
}
