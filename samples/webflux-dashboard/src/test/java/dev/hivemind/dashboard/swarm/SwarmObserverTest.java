package dev.hivemind.dashboard.swarm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dashboard.TestServer;
import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dashboard.history.SwarmView;
import dev.hivemind.dashboard.history.SwarmView.ExpertView;
import dev.hivemind.dashboard.history.SwarmView.NodeView;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.NodeEventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;

class SwarmObserverTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final PeerAddress ANY = new PeerAddress("127.0.0.1", 0);

    private final Scheduler collector = Schedulers.newSingle("collector", true);
    private final LoopResources loops = LoopResources.create("observer-io", 1, true);
    private final PeerIdentity identity = PeerIdentity.generate();
    private final SwarmHistory history = new SwarmHistory(identity.id(), Clock.systemUTC());
    private final List<TestServer> servers = new ArrayList<>();
    private final Disposable.Composite running = Disposables.composite();
    private SwarmObserver observer;

    @AfterEach
    void close() {
        running.dispose();
        servers.forEach(TestServer::close);
        if (observer != null) {
            observer.close().block(TIMEOUT);
        }
        loops.disposeLater(Duration.ZERO, Duration.ofSeconds(5)).block(TIMEOUT);
        collector.dispose();
    }

    private TestServer server(TestServer... others) {
        TestServer server = TestServer.start(others);
        servers.add(server);
        return server;
    }

    private void observe(PeerAddress entry, String... prefixes) {
        observer = new SwarmObserver(
                new Watched(
                        List.of(entry),
                        List.of(prefixes).stream().map(ExpertPrefix::new).toList(),
                        ANY),
                identity,
                history,
                collector,
                loops);
        observer.listen().block(TIMEOUT);
        observer.start();
    }

    private SwarmView await(Predicate<SwarmView> condition) {
        return Mono.fromCallable(() -> {
                    history.advance();
                    return history.view();
                })
                .subscribeOn(collector)
                .filter(condition)
                .repeatWhenEmpty(Integer.MAX_VALUE, empty -> empty.delayElements(Duration.ofMillis(50)))
                .block(TIMEOUT);
    }

    private static List<ExpertView> experts(SwarmView view) {
        return view.grids().stream().flatMap(grid -> grid.experts().stream()).toList();
    }

    private static NodeView node(SwarmView view, TestServer server) {
        return view.nodes().stream()
                .filter(node -> node.id().equals(server.id().toString()))
                .findFirst()
                .orElseThrow();
    }

    private static boolean hasNode(SwarmView view, TestServer server, String state) {
        return view.nodes().stream()
                .anyMatch(node ->
                        node.id().equals(server.id().toString()) && node.state().equals(state));
    }

    @Test
    void start_inASwarm_findsNodesExpertsAndEvents() {
        TestServer one = server().host(LONG, "ffn.0.0", "ffn.0.1");
        TestServer other = server(one).host(LONG, "ffn.1.0");

        observe(one.address());

        SwarmView found = await(view -> experts(view).size() == 3
                && view.nodes().stream()
                                .filter(node -> node.events().equals("live"))
                                .count()
                        == 2);
        assertThat(found.connection().state()).isEqualTo("joined");
        assertThat(found.grids())
                .singleElement()
                .satisfies(grid -> assertThat(grid.dimensions()).containsExactly(2, 2));
        assertThat(experts(found))
                .allSatisfy(expert -> assertThat(expert.state()).isEqualTo("online"));
        assertThat(node(found, one).kind()).isEqualTo("server");
        assertThat(node(found, one).addresses()).containsExactly(one.address().toString());
        assertThat(found.links()).anyMatch(link -> link.kind().equals("knows"));

        running.add(Flux.interval(Duration.ofMillis(20)).subscribe(tick -> other.batch("ffn.1.0", 5)));
        SwarmView busy = await(view -> node(view, other).rowsPerSecond() > 0);
        assertThat(experts(busy).stream().filter(expert -> expert.rowsPerSecond() > 0))
                .extracting(ExpertView::uid)
                .containsExactly("ffn.1.0");
    }

    @Test
    void start_withAPrefix_findsExpertsOfWhichTheDhtAloneTells() {
        TestServer one = server();
        TestServer silent = server(one).host(LONG, "quiet.3");
        silent.feed();

        observe(one.address(), "quiet.");

        SwarmView found = await(view -> experts(view).size() == 1);
        assertThat(experts(found).get(0).owners()).containsExactly(silent.id().toString());
    }

    @Test
    void aNodeThatIsKilled_isUnreachableAndItsExpertsAreGone() {
        TestServer one = server().host(LONG, "ffn.0");
        TestServer victim = server(one).host(LONG, "ffn.1");
        observe(one.address());
        await(view -> experts(view).size() == 2 && hasNode(view, victim, "online"));

        victim.close();

        SwarmView after = await(view -> hasNode(view, victim, "unreachable"));
        assertThat(experts(after).stream().filter(expert -> expert.uid().equals("ffn.1")))
                .extracting(ExpertView::state)
                .containsExactly("gone");
        assertThat(after.connection().state()).isEqualTo("joined");
        assertThat(after.events()).anyMatch(event -> event.kind().equals("failure"));
    }

    @Test
    void anAddressWhereNobodyIs_isToldAndTriedAgain() throws IOException {
        PeerAddress address;
        try (var free = new ServerSocket(0)) {
            address = new PeerAddress("127.0.0.1", free.getLocalPort());
        }
        observe(address);
        SwarmView waiting = await(view -> view.connection().retryAt() != null);
        assertThat(waiting.connection().state()).isEqualTo("joining");
        assertThat(waiting.connection().text()).contains(address.toString());

        servers.add(TestServer.start(address));

        await(view ->
                view.connection().state().equals("joined") && !view.nodes().isEmpty());
    }

    @Test
    void aSwarmThatEnds_isLostAndFoundAgainWhereATrainerEnteredAnother() {
        TestServer old = server().host(LONG, "ffn.0");
        observe(old.address());
        await(view -> experts(view).size() == 1);
        old.close();
        await(view -> view.connection().state().equals("lost"));

        TestServer other = server().host(LONG, "frozen.0");
        trainer(other.address());

        SwarmView found = await(view -> view.connection().state().equals("joined")
                && experts(view).stream().anyMatch(expert -> expert.uid().equals("frozen.0")));
        assertThat(found.runs())
                .singleElement()
                .satisfies(run -> assertThat(run.latest().run()).isEqualTo("main"));
        assertThat(found.nodes()).anyMatch(node -> node.kind().equals("trainer"));
    }

    /** Where the old swarm was entered, somebody answers, who knows nothing of it. */
    @Test
    void aSwarmOfWhichOnlyTheEntranceAnswers_isJoinedAnew() {
        TestServer old = server().host(LONG, "ffn.0");
        PeerAddress entrance = old.address();
        observe(entrance);
        await(view -> experts(view).size() == 1 && hasNode(view, old, "online"));

        old.close();
        TestServer other = TestServer.start(entrance);
        servers.add(other);

        await(view -> view.events().stream()
                .anyMatch(event -> event.text().startsWith("No node of the swarm answers any more")));
        await(view -> view.connection().state().equals("joined") && hasNode(view, other, "online"));
    }

    private void trainer(PeerAddress entry) {
        PeerNode node = PeerNode.builder().drainTimeout(Duration.ZERO).build();
        var feed = new EventFeed(Clock.systemUTC());
        feed.greet(() -> List.of(EventMessage.newBuilder()
                .setNode(NodeEventMessage.newBuilder()
                        .setKind(NodeEventMessage.Kind.KIND_PEER_CONNECTED)
                        .addAddresses("not an address")
                        .addAddresses(entry.toString()))));
        running.add(feed.serve(node));
        running.add(EventFeed.offer(node, observer.reportAddress()).subscribe());
        running.add(Flux.interval(Duration.ofMillis(50))
                .subscribe(step -> feed.publish(EventMessage.newBuilder()
                        .setTraining(
                                TrainingEventMessage.newBuilder().setRun("main").setStep(step + 1)))));
        running.add(() -> node.close().subscribe());
    }
}
