package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.options.LauncherVersion;
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
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Mono;

/** {@code hivemind experts show}: who hosts an expert, and what it takes and gives. */
@Command(
        name = "show",
        description = "Show who hosts an expert, what it takes, and what it gives.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind experts show ffn.3.17 --initial-peers 127.0.0.1:1337")
final class ExpertsShowCommand implements Runnable {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Parameters(
            index = "0",
            paramLabel = "UID",
            converter = UidConverter.class,
            description = "The expert, such as ffn.3.17")
    @SuppressWarnings("NullAway.Init")
    private ExpertUid uid;

    @Mixin
    private InitialPeers initialPeers = new InitialPeers();

    @Option(names = "--json", description = "Print one JSON object a line instead of text.")
    private boolean json;

    @Override
    public void run() {
        try (var visitor = new Visitor()) {
            List<ExpertDescriptor> owners = visitor.directory(initialPeers.addresses())
                    .find(uid)
                    .collectList()
                    .block(TIMEOUT);
            if (owners == null || owners.isEmpty()) {
                throw new LauncherException("Nobody hosts '%s'".formatted(uid));
            }
            var listing = Listing.of(
                    System.out,
                    json,
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
    }

    private Optional<ExpertSchema> schema(Visitor visitor, ExpertDescriptor owner) {
        return visitor.node()
                .connect(owner.peerId(), owner.addresses())
                .flatMap(connection -> schema(connection, uid))
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
                uid,
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
