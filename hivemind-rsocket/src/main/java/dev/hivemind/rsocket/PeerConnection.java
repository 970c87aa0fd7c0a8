package dev.hivemind.rsocket;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.error.PayloadTooLargeException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import reactor.core.Disposable;
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
    private final PayloadCodec codec;

    /** {@code peer} is the hello of the other end, proven. */
    PeerConnection(Hello peer, Link link, PayloadCodec codec) {
        this.peerId = peer.peerId();
        this.listenAddresses = List.copyOf(peer.listenAddresses());
        this.compressions = Set.copyOf(peer.compressions());
        this.link = link;
        this.rsocket = link.rsocket();
        this.codec = codec;
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
     * Sends a request and emits its reply. Cold: every subscription sends once, under the same call id.
     *
     * <p>Thread: signals arrive on an event loop, or on a timer's thread when the deadline passes. Cancellation reaches
     * the peer's handler. Errors: {@link RpcException}s, among them {@link DeadlineExceededException} when the
     * request's deadline passes, {@link PayloadTooLargeException} when it does not fit one frame, and
     * {@link IncompatiblePeerException} when it carries a tensor whose compression the peer does not
     * {@linkplain #supports support}.
     *
     * <p>Ownership: borrows the request until the Mono ends; the receiver of the reply releases it.
     */
    public Mono<Reply> request(Request request) {
        Mono<Reply> call = Mono.defer(() -> send(request)).onErrorMap(ErrorCodec::fromWire);
        return link.meters().client(request, call);
    }

    private Mono<Reply> send(Request request) {
        Duration remaining = request.header().deadline().remaining();
        if (remaining.isZero()) {
            return Mono.error(new DeadlineExceededException("The deadline had passed before the call was sent"));
        }
        requireSupported(request);
        return rsocket.requestResponse(codec.encode(request))
                .transform(answers -> Deadlines.enforce(answers, remaining))
                .map(answer -> codec.decodeReply(request.header(), answer))
                .switchIfEmpty(Mono.error(PeerConnection::noAnswer))
                .doOnDiscard(Payload.class, Payload::release);
    }

    private void requireSupported(Request request) {
        for (TensorDescriptor tensor : request.header().tensors()) {
            if (!supports(tensor.compression())) {
                throw new IncompatiblePeerException(
                        "Peer %s does not understand tensors compressed as %s: send them uncompressed"
                                .formatted(peerId.toShortString(), tensor.compression()));
            }
        }
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
    }

    @Override
    public boolean isDisposed() {
        return rsocket.isDisposed();
    }

    /** Completes when the link has closed, for whatever reason. */
    public Mono<Void> onClose() {
        return rsocket.onClose().onErrorComplete();
    }

    @Override
    public String toString() {
        return "PeerConnection[" + peerId.toShortString() + (isDisposed() ? ", closed]" : "]");
    }
}
