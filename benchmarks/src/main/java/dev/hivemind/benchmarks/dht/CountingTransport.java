package dev.hivemind.benchmarks.dht;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Counts requests on their way to another transport.
 *
 * @param transport where they go
 * @param requests how many there were
 */
record CountingTransport(DhtTransport transport, LongAdder requests) implements DhtTransport {

    @Override
    public PeerIdentity identity() {
        return transport.identity();
    }

    @Override
    public List<PeerAddress> addresses() {
        return transport.addresses();
    }

    @Override
    public Mono<Contact> meet(PeerAddress address) {
        return transport.meet(address);
    }

    @Override
    public Mono<Answer<ByteString>> exchange(Contact to, Operation operation, MessageLite request, Duration timeout) {
        return transport.exchange(to, operation, request, timeout).doFirst(requests::increment);
    }

    @Override
    public Flux<ByteString> subscribe(Contact to, Operation operation, MessageLite request) {
        return transport.subscribe(to, operation, request).doFirst(requests::increment);
    }

    @Override
    public Disposable serveSubscriptions(Operation operation, Feed feed) {
        return transport.serveSubscriptions(operation, feed);
    }

    @Override
    public Disposable serve(Operation operation, Service service) {
        return transport.serve(operation, service);
    }
}
