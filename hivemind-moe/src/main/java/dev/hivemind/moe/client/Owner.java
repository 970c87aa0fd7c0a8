package dev.hivemind.moe.client;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import reactor.core.publisher.Mono;

/** One peer that hosts an expert. Thread-safe. */
final class Owner {

    private final PeerNode node;
    private final ExpertDescriptor descriptor;
    private final Mono<ExpertSchema> schema;

    Owner(PeerNode node, ExpertDescriptor descriptor, CallPolicy policy) {
        this.node = node;
        this.descriptor = descriptor;
        this.schema = Mono.using(() -> question(policy), question -> ask(question, policy), Request::release)
                .cacheInvalidateIf(answer -> false);
    }

    ExpertUid uid() {
        return descriptor.uid();
    }

    PeerId peerId() {
        return descriptor.peerId();
    }

    /** What the expert takes and gives here; asked once, unless that fails. */
    Mono<ExpertSchema> schema() {
        return schema;
    }

    /** The connection that is there when this is called, or else a new one, or an error by the deadline. */
    Mono<PeerConnection> connect(Deadline deadline) {
        PeerConnection living = node.living(peerId());
        if (living != null) {
            return Mono.just(living);
        }
        return node.connect(peerId(), descriptor.addresses())
                .timeout(deadline.remaining(), Mono.error(this::cannotConnectInTime));
    }

    private DeadlineExceededException cannotConnectInTime() {
        return new DeadlineExceededException("The peer of %s could not be connected in time".formatted(uid()));
    }

    private Request question(CallPolicy policy) {
        return Request.ofMessage(
                Operation.EXPERT_INFO,
                uid().toString(),
                policy.forwardTimeout(),
                ExpertSchemaMessage.getDefaultInstance());
    }

    private Mono<ExpertSchema> ask(Request question, CallPolicy policy) {
        Deadline deadline = question.header().deadline();
        return Mono.defer(() -> connect(deadline).flatMap(connection -> connection.request(question)))
                .map(Owner::readSchema)
                .retryWhen(policy.retry().until(deadline));
    }

    private static ExpertSchema readSchema(Reply reply) {
        try {
            return ExpertSchemaCodec.fromMessage(reply.message(ExpertSchemaMessage.parser()));
        } finally {
            reply.release();
        }
    }
}
