package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.output.Listing;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import reactor.core.publisher.Mono;

/** {@code hivemind experts show}: who hosts an expert, and what it takes and gives. */
@Command(
        name = "show",
        description = "Show who hosts an expert, what it takes, and what it gives.",
        footer = "%nExample: hivemind experts show ffn.3.17 --initial-peers 127.0.0.1:1337")
final class ExpertsShowCommand extends ExpertCommand {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Override
    void visit(Visitor visitor, List<PeerAddress> initialPeers) {
        List<ExpertDescriptor> owners = owners(visitor, initialPeers, TIMEOUT);
        var listing = Listing.of(
                System.out,
                isJson(),
                "uid",
                "peerId",
                "addresses",
                "state",
                "load",
                "trainable",
                "maxBatchSize",
                "inputs",
                "outputs");
        owners.forEach(owner -> add(listing, owner, schema(visitor, owner)));
        listing.end();
    }

    private Optional<ExpertSchema> schema(Visitor visitor, ExpertDescriptor owner) {
        return visitor.node()
                .connect(owner.peerId(), owner.addresses())
                .flatMap(connection -> schema(connection, uid()))
                .map(Optional::of)
                .onErrorResume(RpcException.class, unreachable -> Mono.just(Optional.empty()))
                .blockOptional(TIMEOUT)
                .orElseThrow();
    }

    /** What an expert takes and gives, asked of its owner. */
    static Mono<ExpertSchema> schema(PeerConnection owner, ExpertUid uid) {
        return Mono.using(
                () -> Request.ofMessage(
                        Operation.EXPERT_INFO,
                        uid.value(),
                        Visitor.CALL_TIMEOUT,
                        ExpertSchemaMessage.getDefaultInstance()),
                request -> owner.request(request).map(ExpertsShowCommand::read),
                Request::release);
    }

    private static ExpertSchema read(Reply reply) {
        try {
            return ExpertSchemaCodec.fromMessage(reply.message(ExpertSchemaMessage.parser()));
        } finally {
            reply.release();
        }
    }

    private void add(Listing listing, ExpertDescriptor owner, Optional<ExpertSchema> schema) {
        listing.add(
                uid(),
                owner.peerId(),
                owner.addresses(),
                owner.status().state().name().toLowerCase(Locale.ROOT),
                owner.status().load(),
                owner.status().trainable(),
                schema.map(ExpertSchema::maxBatchSize).orElse(null),
                schema.map(known -> texts(known.inputs())).orElse(null),
                schema.map(known -> texts(known.outputs())).orElse(null));
    }

    private static List<String> texts(List<TensorSpec> tensors) {
        return tensors.stream().map(TensorSpec::toString).toList();
    }
}
