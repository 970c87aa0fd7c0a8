package dev.hivemind.rsocket;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PayloadTooLargeException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.RSocket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * One link to a peer whose identity is proven. Links are symmetric: it does not matter who dialled. Safe for use from
 * any thread.
 */
public final class PeerConnection implements Disposable {

    private final PeerId peerId;
    private final List<PeerAddress> listenAddresses;
    private final Set<Compression> compressions;
    private final Link link;
    private final RSocket rsocket;
    private final OutgoingCalls calls;
    private final Disposable.Swap disposal = Disposables.swap();

    /** {@code peer} is the hello of the other end, proven. */
    PeerConnection(Hello peer, Link link, NodeCalls calls) {
        this.peerId = peer.peerId();
        this.listenAddresses = List.copyOf(peer.listenAddresses());
        this.compressions = Set.copyOf(peer.compressions());
        this.link = link;
        this.rsocket = link.rsocket();
        this.calls = new OutgoingCalls(link, calls.codec(), calls.limits(peerId));
    }

    /** The proven id of the peer at the other end. */
    public PeerId peerId() {
        return peerId;
    }

    /** Where the peer says that it accepts connections; empty for a peer that only dials. */
    public List<PeerAddress> listenAddresses() {
        return listenAddresses;
    }

    /** How long a message to the peer and its answer take, as measured while the connection was set up. */
    public Duration roundTrip() {
        return link.roundTrip().smoothed();
    }

    /** Whether the peer understands tensors that are compressed so. */
    public boolean supports(Compression compression) {
        return compression == Compression.NONE || compressions.contains(compression);
    }

    /**
     * Sends a request and emits its reply. Cold: every subscription sends once, under the same call id. Bodies of up to
     * 256 KiB in both directions go as one frame each, larger ones in pieces on a channel of their own; a small request
     * whose reply turns out to be larger is repeated there, which {@link Request#expectingReplyOf} spares.
     *
     * <p>Thread: signals arrive on an event loop, or on a timer's thread when the deadline passes. Cancellation reaches
     * the peer's handler. Errors: {@link RpcException}s, among them {@link DeadlineExceededException} when the
     * request's deadline passes, {@link OverloadedException} when either side has no room for a large body,
     * {@link PayloadTooLargeException} when it never has, and {@link IncompatiblePeerException} when the request carries
     * a tensor whose compression the peer does not {@linkplain #supports support}.
     *
     * <p>Ownership: borrows the request until the Mono ends; the receiver of the reply releases it.
     */
    public Mono<Reply> request(Request request) {
        Mono<Reply> call = Mono.defer(() -> calls.send(requireSupported(request)));
        return link.meters().client(request, call.onErrorMap(ErrorCodec::fromWire));
    }

    /**
     * Sends many calls over one channel and emits their replies in the order in which the peer completes them;
     * {@link Reply#callId()} tells which is which. Cold: every subscription opens a channel of its own.
     *
     * <p>Demand: {@code requests} is asked for the next call when the peer is ready to serve it, which takes eight at
     * once, and as long as fewer than 64 calls wait for their reply to be emitted. An unread stream stops both sides.
     *
     * <p>A call that fails on its own, also because its deadline passes, is answered by a reply whose
     * {@link Reply#error()} says why, and the stream goes on. Errors of the stream: {@link RpcException}s; whatever
     * {@code requests} fails with; {@link IllegalArgumentException} if a request takes another route, or repeats the
     * call id of one under way. Cancellation reaches the handlers of all calls under way.
     *
     * <p>Thread: signals arrive on an event loop, or on a timer's thread when a deadline passes.
     *
     * <p>Ownership: the stream releases each request after it was sent, and those that Reactor discards on the way to it
     * (so do not add a hook for that); the receiver of a reply releases it.
     */
    public Flux<Reply> stream(Route route, Flux<Request> requests) {
        requireNonNull(route, "route");
        requireNonNull(requests, "requests");
        return calls.stream(route, requests, this::requireSupported);
    }

    /**
     * Tells the peer that nobody waits any more for the answer to one call of a {@linkplain #stream stream}, which goes
     * on: its handler is cancelled, or not asked at all. The peer still answers, if only with an error, and that reply comes
     * like all others. Nobody hears whether the message arrives; it is sent when this is subscribed to.
     */
    public Mono<Void> giveUp(CallId call) {
        requireNonNull(call, "call");
        return calls.giveUp(call).onErrorComplete();
    }

    /**
     * Subscribes to an operation of the peer and emits what it sends, until it ends or this is cancelled. Demand reaches
     * the peer, eight replies ahead. Cold: every subscription asks anew. A request without deadline, as
     * {@link Request#ofSubscription} makes it, never times out.
     *
     * <p>Thread: signals arrive on an event loop, or on a timer's thread when the deadline passes. Errors:
     * {@link RpcException}s.
     *
     * <p>Ownership: borrows the request until the Flux ends; the receiver of a reply releases it.
     */
    public Flux<Reply> subscribe(Request request) {
        requireNonNull(request, "request");
        return link.meters().subscription(request, calls.subscribe(request).onErrorMap(ErrorCodec::fromWire));
    }

    private Request requireSupported(Request request) {
        for (TensorDescriptor tensor : request.header().tensors()) {
            if (!supports(tensor.compression())) {
                throw new IncompatiblePeerException(
                        "Peer %s does not understand tensors compressed as %s: send them uncompressed"
                                .formatted(peerId.toShortString(), tensor.compression()));
            }
        }
        return request;
    }

    /** What bulk on this connection waits for. */
    SendWindow window() {
        return link.window();
    }

    /** The calls under way on this connection, made and served. */
    LinkActivity activity() {
        return link.activity();
    }

    /** A peer must answer every call; ending one without an answer would look like success. */
    static ProtocolViolationException noAnswer() {
        return new ProtocolViolationException("The peer ended the call without an answer");
    }

    /** Closes the link; calls under way fail with a transient error on both sides. */
    @Override
    public void dispose() {
        rsocket.dispose();
        disposal.dispose();
    }

    /** Has this disposed of as soon as the link is told to close here, which may take it some time. */
    void whenDisposed(Disposable listener) {
        disposal.update(listener);
    }

    @Override
    public boolean isDisposed() {
        return rsocket.isDisposed();
    }

    /** Completes when the link has closed, for whatever reason. */
    public Mono<Void> onClose() {
        return rsocket.onClose().onErrorComplete().contextWrite(LateErrors::ignoredIn);
    }

    @Override
    public String toString() {
        return "PeerConnection[" + peerId.toShortString() + (isDisposed() ? ", closed]" : "]");
    }
}
