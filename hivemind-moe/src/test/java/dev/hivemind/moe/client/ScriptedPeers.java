package dev.hivemind.moe.client;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.tensor.DeviceScheduler;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.RequestHandler;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;

/** Peers that do what a test tells them, and a client that calls them, over real sockets and without a DHT. */
final class ScriptedPeers implements AfterEachCallback {

    static final Duration TIMEOUT = Duration.ofSeconds(20);
    static final ExpertUid UID = new ExpertUid("scripted.0");
    static final int WIDTH = 4;

    private final LoopResources loops = LoopResources.create("test-io", 2, true);
    private final PeerNode client = PeerNode.builder().loops(loops).build();
    private final DeviceScheduler tensors = DeviceScheduler.create("test-tensors", 1);
    private final List<Scripted> peers = new ArrayList<>();
    private final List<CallChannels> opened = new ArrayList<>();

    /** One input and one output of {@value #WIDTH} numbers. */
    static ExpertSchema schema(boolean trainable) {
        var spec = List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, WIDTH));
        return new ExpertSchema(spec, spec, 64, trainable);
    }

    /** The answer of an expert that returns what it is given. */
    static Reply echo(Request request) {
        request.body().retain();
        return new Reply(request.header().tensors(), request.body());
    }

    /** A peer that hosts an expert of that schema and answers by these handlers. */
    Scripted peer(ExpertSchema schema, RequestHandler forward, RequestHandler backward) {
        return peer(Mono.just(schema), forward, backward);
    }

    private Scripted peer(Mono<ExpertSchema> schema, RequestHandler forward, RequestHandler backward) {
        var peer = new Scripted(schema, forward, backward);
        peers.add(peer);
        return peer;
    }

    /** A peer that hosts an expert of that schema and answers forward calls alone. */
    Scripted peer(ExpertSchema schema, RequestHandler forward) {
        return peerThatTells(Mono.just(schema), forward);
    }

    /** A peer that never says what its expert takes. */
    Scripted silentPeer() {
        return peerThatTells(Mono.never(), (caller, request) -> Mono.never());
    }

    /** A peer that says so what its expert takes, and answers forward calls alone. */
    Scripted peerThatTells(Mono<ExpertSchema> schema, RequestHandler forward) {
        return peer(schema, forward, (caller, request) -> Mono.error(new AssertionError("Nobody asked for this")));
    }

    /** Those who host the expert. */
    Owners owners(ExpertCalls calls, Scripted... owners) {
        return owners(CallPolicy.DEFAULT, calls, owners);
    }

    Owners owners(CallPolicy policy, ExpertCalls calls, Scripted... owners) {
        return new Owners(client, descriptors(owners), policy, calls.backoff());
    }

    private static List<ExpertDescriptor> descriptors(Scripted... owners) {
        return Arrays.stream(owners).map(Scripted::descriptor).toList();
    }

    ExpertCalls calls(ClientLimits limits) {
        var channels = new CallChannels(limits.streams(), Schedulers.newSingle("test-streams", true));
        opened.add(channels);
        return new ExpertCalls(tensors.scheduler(), new CallGate(limits), new Backoff<>(System::nanoTime), channels);
    }

    RemoteExpert expert(Scripted... owners) {
        return expert(CallPolicy.DEFAULT, ClientLimits.DEFAULT, owners);
    }

    RemoteExpert expert(CallPolicy policy, ClientLimits limits, Scripted... owners) {
        return expert(policy, calls(limits), owners);
    }

    RemoteExpert expert(CallPolicy policy, ExpertCalls calls, Scripted... owners) {
        return RemoteExpert.of(client, descriptors(owners), calls, policy);
    }

    RemoteExpert expertAt(ExpertDescriptor descriptor, CallPolicy policy) {
        return RemoteExpert.of(client, List.of(descriptor), calls(ClientLimits.DEFAULT), policy);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        tensors.dispose();
        opened.forEach(CallChannels::dispose);
        client.close()
                .thenMany(Flux.fromIterable(peers))
                .concatMap(peer -> peer.node.close())
                .then(Mono.defer(() -> loops.disposeLater(Duration.ZERO, TIMEOUT)))
                .block(TIMEOUT);
    }

    /** A peer with its counters. */
    final class Scripted {

        final PeerNode node = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .loops(loops)
                .build();
        final AtomicInteger questions = new AtomicInteger();
        final AtomicInteger forwards = new AtomicInteger();

        private Scripted(Mono<ExpertSchema> schema, RequestHandler forward, RequestHandler backward) {
            node.handle(
                    Operation.EXPERT_INFO,
                    (caller, request) -> schema.doOnSubscribe(asked -> questions.incrementAndGet())
                            .map(known -> Reply.ofMessage(ExpertSchemaCodec.toMessage(known))));
            node.handle(Operation.EXPERT_FORWARD, (caller, request) -> {
                forwards.incrementAndGet();
                return forward.handle(caller, request);
            });
            node.handle(Operation.EXPERT_BACKWARD, backward);
            node.start().block(TIMEOUT);
        }

        ExpertDescriptor descriptor() {
            return descriptorAt(node.addresses());
        }

        ExpertDescriptor descriptorAt(List<PeerAddress> addresses) {
            return new ExpertDescriptor(UID, node.id(), addresses);
        }
    }

    /** An answer of these tensors. */
    static Reply reply(TensorFrame... frames) {
        return Reply.ofTensors(List.of(frames));
    }
}
