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
import reactor.util.retry.Retry;
import reactor.util.retry.RetryBackoffSpec;

/** Finds the initial peers that are nodes of the DHT. */
final class Bootstrap {

    private static final Logger LOG = LoggerFactory.getLogger(Bootstrap.class);
    private static final int MAX_DIALS = 16;
    private static final int ENOUGH = 8;
    private static final int RETRIES = 2;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(300);

    private final DhtTransport transport;
    private final DhtRpc rpc;
    private final List<PeerAddress> initialPeers;
    private final Duration timeout;
    private final Scheduler timer;
    private volatile List<PeerAddress> remembered = List.of();
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
            List<PeerAddress> others = strangers(initialPeers);
            return others.isEmpty() ? meetAny(remembered) : contact(others).retryWhen(patience());
        });
    }

    /** One of the initial peers or of some addresses where peers were once, if it answers. */
    Mono<Contact> runOnce(List<PeerAddress> others) {
        List<PeerAddress> doors = Stream.of(initialPeers, remembered, others)
                .flatMap(List::stream)
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

    /** Those of an earlier run may all be gone, and then this is the first node. */
    private Mono<List<Contact>> meetAny(List<PeerAddress> addresses) {
        return Flux.fromIterable(strangers(addresses))
                .flatMap(address -> meet(address).onErrorResume(RpcException.class, error -> Mono.empty()), MAX_DIALS)
                .take(ENOUGH)
                .collectList();
    }

    private List<PeerAddress> strangers(List<PeerAddress> addresses) {
        return addresses.stream()
                .filter(address -> !transport.addresses().contains(address))
                .toList();
    }

    /** Where peers were reached in an earlier run, to be asked if there are no initial peers. Called before {@link #run()}. */
    void remember(List<PeerAddress> addresses) {
        remembered = List.copyOf(addresses);
    }

    /** Whoever starts together with its initial peers may be the faster one. */
    private RetryBackoffSpec patience() {
        return Retry.backoff(RETRIES, FIRST_PAUSE)
                .scheduler(timer)
                .filter(PeerUnavailableException.class::isInstance)
                .onRetryExhaustedThrow((retry, last) -> last.failure());
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
