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
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** One peer that hosts an expert. Thread-safe. */
final class Owner {

    private final PeerNode node;
    private final ExpertDescriptor descriptor;
    private final CallPolicy policy;
    private final Backoff<PeerId> backoff;
    private final Mono<ExpertSchema> schema;
    private volatile @Nullable Long askedNanos;
    private volatile @Nullable ExpertSchema told;

    /**
     * @param policy for the question about the schema
     * @param backoff learns of failures
     */
    Owner(PeerNode node, ExpertDescriptor descriptor, CallPolicy policy, Backoff<PeerId> backoff) {
        this.node = node;
        this.descriptor = descriptor;
        this.policy = policy;
        this.backoff = backoff;
        this.schema = Mono.using(this::question, this::ask, Request::release)
                .doOnNext(answer -> told = answer)
                .doOnError(error -> recordFailure(error, true))
                .doFinally(ended -> askedNanos = null)
                .cacheInvalidateIf(answer -> false);
    }

    ExpertUid uid() {
        return descriptor.uid();
    }

    PeerId peerId() {
        return descriptor.peerId();
    }

    /**
     * What the expert takes and gives here; asked once, unless that fails or all who wait for it give up. The question has
     * the time of the client's policy.
     */
    Mono<ExpertSchema> schema() {
        return schema;
    }

    /** What the expert takes and gives here, if that was told. */
    @Nullable ExpertSchema told() {
        return told;
    }

    boolean isBeingAsked() {
        return askedNanos != null;
    }

    /** For how long it has owed the answer to the question about the schema. */
    Duration silentFor() {
        Long begun = askedNanos;
        return begun == null ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - begun);
    }

    /** Whether it failed of late. */
    boolean isBanned() {
        return backoff.isBanned(peerId());
    }

    void recordSuccess() {
        backoff.succeeded(peerId());
    }

    /** @param hadFairTime else being late is no failure */
    void recordFailure(Throwable error, boolean hadFairTime) {
        if (error instanceof PeerUnavailableException || (error instanceof DeadlineExceededException && hadFairTime)) {
            backoff.failed(peerId());
        }
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

    private Request question() {
        askedNanos = System.nanoTime();
        return Request.ofMessage(
                Operation.EXPERT_INFO,
                uid().toString(),
                policy.forwardTimeout(),
                ExpertSchemaMessage.getDefaultInstance());
    }

    private Mono<ExpertSchema> ask(Request question) {
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
