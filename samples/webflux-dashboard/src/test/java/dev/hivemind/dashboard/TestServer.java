package dev.hivemind.dashboard;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;

/** What a dashboard sees of a server of experts, without tensors. Blocks the thread that uses it. */
public final class TestServer implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final PeerNode node;
    private final DhtNode dht;
    private final ExpertDirectory directory;
    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private List<String> uids = List.of();

    private TestServer(PeerNode node, DhtNode dht) {
        this.node = node;
        this.dht = dht;
        this.directory = new ExpertDirectory(dht);
    }

    /** A server that joins the swarm of some peers. */
    public static TestServer start(PeerAddress listen, PeerAddress... initialPeers) {
        PeerNode node =
                PeerNode.builder().listen(listen).drainTimeout(Duration.ZERO).build();
        DhtNode dht = DhtNode.builder(node)
                .initialPeers(List.of(initialPeers))
                .requestTimeout(Duration.ofSeconds(10))
                .build();
        var server = new TestServer(node, dht);
        server.feed.serve(node);
        node.start().then(dht.start()).block(TIMEOUT);
        return server;
    }

    /** A server on a free port. */
    public static TestServer start(TestServer... others) {
        PeerAddress[] initialPeers =
                List.of(others).stream().map(TestServer::address).toArray(PeerAddress[]::new);
        return start(new PeerAddress("127.0.0.1", 0), initialPeers);
    }

    public PeerAddress address() {
        return node.addresses().get(0);
    }

    public PeerId id() {
        return node.id();
    }

    public EventFeed feed() {
        return feed;
    }

    /** Hosts experts: tells so to whoever subscribes, and in the DHT. */
    public TestServer host(Duration timeToLive, String... names) {
        uids = List.of(names);
        feed.greet(() -> List.of(EventMessage.newBuilder()
                .setExpert(ExpertEventMessage.newBuilder()
                        .setKind(ExpertEventMessage.Kind.KIND_HOSTED)
                        .setUid(uids.get(0))
                        .addAllFurtherUids(uids.subList(1, uids.size())))));
        directory
                .declare(uids.stream().map(ExpertUid::new).toList(), timeToLive)
                .block(TIMEOUT);
        return this;
    }

    /** Tells of a batch. */
    public void batch(String uid, int rows) {
        feed.publish(EventMessage.newBuilder()
                .setBatch(BatchEventMessage.newBuilder()
                        .setUid(uid)
                        .setOperation(Operation.EXPERT_FORWARD.wireId())
                        .setRows(rows)
                        .setCalls(1)
                        .setWaitedMicros(100)
                        .setComputedMicros(900)));
    }

    /** Leaves without notice, as if the process were killed. */
    @Override
    public void close() {
        node.close()
                .then(dht.close())
                .onErrorComplete()
                .timeout(TIMEOUT, Mono.empty())
                .block();
    }
}
