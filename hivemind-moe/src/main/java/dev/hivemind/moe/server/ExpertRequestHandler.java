package dev.hivemind.moe.server;

import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.server.batching.Call;
import dev.hivemind.moe.server.batching.TaskPool;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.PointOfNoReturn;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.UnknownExpertException;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import java.util.Map;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/** Serves calls to experts: checks them on the event loop, before anything is queued, and leaves the rest to pools. */
final class ExpertRequestHandler {

    private final Map<String, HostedExpert> experts;
    private final Admission admission;

    ExpertRequestHandler(Map<String, HostedExpert> experts, Admission admission) {
        this.experts = Map.copyOf(experts);
        this.admission = admission;
    }

    /** Serves the node's calls until the result is disposed. */
    Disposable register(PeerNode node) {
        Disposable.Composite handlers = Disposables.composite();
        try {
            handlers.add(node.handle(Operation.EXPERT_INFO, this::info));
            handlers.add(node.handle(Operation.EXPERT_FORWARD, this::forward));
            handlers.add(node.handleOnce(Operation.EXPERT_BACKWARD, this::backward));
            return handlers;
        } catch (RuntimeException e) {
            handlers.dispose();
            throw e;
        }
    }

    private Mono<Reply> info(PeerConnection caller, Request request) {
        return Mono.fromCallable(() ->
                Reply.ofMessage(ExpertSchemaCodec.toMessage(expert(request).schema())));
    }

    private Mono<Reply> forward(PeerConnection caller, Request request) {
        return admission.admit(() -> compute(expert(request).forward(), caller, request, () -> true));
    }

    private Mono<Reply> backward(PeerConnection caller, Request request, PointOfNoReturn point) {
        return admission.admit(() -> compute(expert(request).backward(), caller, request, point));
    }

    private static Mono<Reply> compute(
            ExpertDirection direction, PeerConnection caller, Request request, PointOfNoReturn point) {
        FrameHeader header = request.header();
        int rows = direction.requireRows(header.tensors());
        var call = new Call(
                request.tensors(),
                rows,
                header.deadline(),
                header.priority(),
                caller.peerId(),
                header.replyCompression(),
                point);
        TaskPool pool = direction.pool();
        return (header.waitsForRoom() ? pool.submitWhenRoom(call) : pool.submit(call)).map(answer -> {
            direction.carried(header.tensors(), answer);
            return Reply.ofTensors(answer);
        });
    }

    private HostedExpert expert(Request request) {
        String uid = request.header().target();
        HostedExpert expert = experts.get(uid);
        if (expert == null) {
            throw new UnknownExpertException("This peer hosts no expert '%s'".formatted(uid));
        }
        return expert;
    }
}
