package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** Finds the initial peers that are nodes of the DHT. */
final class Bootstrap {

    private static final Logger LOG = LoggerFactory.getLogger(Bootstrap.class);
    private static final int MAX_DIALS = 16;

    private final DhtTransport transport;
    private final DhtRpc rpc;
    private final List<PeerAddress> initialPeers;
    private final Duration timeout;
    private final Scheduler timer;
    private final AtomicInteger knocks = new AtomicInteger();

    Bootstrap(DhtTransport transport, DhtRpc rpc, DhtConfig config, Scheduler timer) {
        this.transport = transport;
        this.rpc = rpc;
        this.initialPeers = config.initialPeers();
        this.timeout = config.requestTimeout();
        this.timer = timer;
    }

    /**
     * The initial peers that answer; empty if none were given.
     *
     * <p>Errors: {@link PeerUnavailableException} if none of them answers, naming them.
     */
    Mono<List<Contact>> run() {
        return Mono.defer(() -> {
            List<PeerAddress> others = initialPeers.stream()
                    .filter(address -> !transport.addresses().contains(address))
                    .toList();
            return others.isEmpty() ? Mono.just(List.of()) : contact(others);
        });
    }

    /** One of the initial peers or of some addresses where peers were once, if it answers. */
    Mono<Contact> runOnce(List<PeerAddress> others) {
        List<PeerAddress> doors = Stream.concat(initialPeers.stream(), others.stream())
                .filter(address -> !transport.addresses().contains(address))
                .distinct()
                .toList();
        return doors.isEmpty()
                ? Mono.empty()
                : meet(doors.get(Math.floorMod(knocks.getAndIncrement(), doors.size())))
                        .onErrorResume(RpcException.class, error -> Mono.empty());
    }

    private Mono<List<Contact>> contact(List<PeerAddress> addresses) {
        return Flux.fromIterable(addresses)
                .flatMap(this::contact, MAX_DIALS)
                .collectList()
                .filter(contacts -> !contacts.isEmpty())
                .switchIfEmpty(Mono.error(() -> nobody(addresses)));
    }

    private Mono<Contact> meet(PeerAddress address) {
        return transport
                .meet(address)
                .timeout(timeout, Mono.error(() -> new PeerUnavailableException("No answer from " + address)), timer)
                .flatMap(contact -> rpc.ping(contact).thenReturn(contact));
    }

    private Mono<Contact> contact(PeerAddress address) {
        return meet(address).onErrorResume(RpcException.class, error -> {
            LOG.warn("The initial peer {} is of no use: {}", address, error.getMessage());
            return Mono.empty();
        });
    }

    private static PeerUnavailableException nobody(List<PeerAddress> addresses) {
        return new PeerUnavailableException("None of the initial peers answers: "
                + addresses.stream().map(PeerAddress::toString).collect(Collectors.joining(", "))
                + ". Check that one of them runs and can be reached from here");
    }
}
