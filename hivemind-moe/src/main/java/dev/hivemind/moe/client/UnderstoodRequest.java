package dev.hivemind.moe.client;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import reactor.core.publisher.Mono;

/**
 * Sends a request so that the peer understands it. Tensors are encoded on the thread that owns them, before it is known
 * which connection will carry them; the few peers that do not know a codec get the tensors decompressed.
 */
final class UnderstoodRequest {

    private UnderstoodRequest() {}

    /** Empty if the call is over. */
    static Mono<Reply> send(PeerConnection connection, PendingRequest pending) {
        return Mono.defer(() -> {
            Request request = pending.take(connection::supports);
            return request == null ? Mono.empty() : Mono.using(() -> request, connection::request, Request::release);
        });
    }

    /** The same, but the call waits for room at the peer rather than be refused. */
    static Mono<Reply> sendPatiently(PeerConnection connection, PendingRequest pending) {
        return Mono.defer(() -> {
            Request request = pending.take(connection::supports);
            return request == null
                    ? Mono.empty()
                    : Mono.using(() -> waiting(request), connection::request, Request::release);
        });
    }

    private static Request waiting(Request request) {
        return new Request(request.header().waitingForRoom(), request.body(), request.expectedReplyBytes());
    }

    /** The request with a reference of its own, its tensors decompressed if need be. Borrows the request. */
    static Request understood(Predicate<Compression> supported, Request request) {
        for (TensorDescriptor tensor : request.header().tensors()) {
            if (!supported.test(tensor.compression())) {
                return decompressed(request);
            }
        }
        return new Request(request.header(), request.body().retain(), request.expectedReplyBytes());
    }

    private static Request decompressed(Request request) {
        List<TensorFrame> plain = new ArrayList<>();
        try {
            request.tensors().forEach(tensor -> plain.add(tensor.decompress()));
        } catch (RuntimeException | Error e) {
            plain.forEach(TensorFrame::release);
            throw e;
        }
        var descriptors = plain.stream().map(TensorFrame::descriptor).toList();
        return new Request(
                request.header().withTensors(descriptors), TensorFrameCodec.join(plain), request.expectedReplyBytes());
    }
}
