package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Nodes that serve streams of calls over real sockets, and nodes that call them. */
final class StreamFixture implements AfterEachCallback {

    static final Duration TIMEOUT = Duration.ofSeconds(20);
    static final Route ROUTE = new Route(Operation.EXPERT_FORWARD, "x");

    private final List<PeerNode> nodes = new ArrayList<>();

    @Override
    public void afterEach(ExtensionContext context) {
        Flux.fromIterable(nodes).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    PeerConnection connect(RequestHandler handler) {
        return connect(PeerNode.builder(), handler);
    }

    PeerConnection connect(PeerNode.Builder settings, RequestHandler handler) {
        PeerNode listener = settings.listen(new PeerAddress("127.0.0.1", 0)).build();
        PeerNode dialler = PeerNode.builder().build();
        nodes.addAll(List.of(dialler, listener));
        listener.handle(Operation.EXPERT_FORWARD, handler);
        listener.start().block(TIMEOUT);
        return dialler.connect(listener.addresses().get(0)).block(TIMEOUT);
    }

    /** The one that serves the latest connection. */
    PeerNode listener() {
        return nodes.get(nodes.size() - 1);
    }

    /** The one that made the latest connection. */
    PeerNode dialler() {
        return nodes.get(nodes.size() - 2);
    }

    static Mono<Reply> echo(PeerConnection caller, Request request) {
        return Mono.fromSupplier(
                () -> new Reply(request.header().tensors(), request.body().retain()));
    }

    static Flux<Request> requests(int count, int bytes) {
        return Flux.range(0, count).map(i -> Bodies.request(bytes));
    }

    static Request request(Duration timeout) {
        return Request.ofTensors(Operation.EXPERT_FORWARD, "x", timeout, List.of(Bodies.frame(8)));
    }

    static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
