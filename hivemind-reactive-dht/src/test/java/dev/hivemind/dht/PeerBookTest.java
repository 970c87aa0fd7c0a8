package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.routing.RoutingTable;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.Pong;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.scheduler.VirtualTimeScheduler;

/** Who is pinged, and what becomes of the table, in virtual time. */
class PeerBookTest {

    private static final Duration PING_TIMEOUT = Duration.ofSeconds(3);
    private static final NodeId SELF = NodeId.ofKey(new byte[] {1});

    private final VirtualTimeScheduler time = VirtualTimeScheduler.create();
    private final NodeLoop loop = new NodeLoop(time);
    private final RoutingTable table = new RoutingTable(SELF, 64, 1, () -> 0);
    private final FakeRpc rpc = new FakeRpc();
    private final PeerBook peers = new PeerBook(table, rpc, loop);

    @AfterEach
    void stop() {
        peers.dispose();
        loop.dispose();
        time.dispose();
    }

    private static Contact contact(int number) {
        NodeId id = NodeId.ofKey(new byte[] {2, (byte) number});
        return new Contact(id, List.of(new PeerAddress("127.0.0.1", 1000 + number)));
    }

    private Mono<Answer<Pong>> noAnswer() {
        return Mono.<Answer<Pong>>never()
                .timeout(PING_TIMEOUT, time)
                .onErrorMap(error -> new DeadlineExceededException("No answer"));
    }

    private static Mono<Answer<Pong>> pong(Contact from) {
        return Mono.just(new Answer<>(from, new Pong(Instant.EPOCH)));
    }

    private void pass(Duration duration) {
        time.advanceTimeBy(duration);
    }

    @Test
    void silent_ofAContactThatNeverAnswersAgain_dropsIt() {
        table.offer(contact(1));
        rpc.pong = to -> noAnswer();

        peers.silent(contact(1));
        pass(PING_TIMEOUT);
        assertThat(table.contains(contact(1).id())).isTrue();
        pass(PING_TIMEOUT);

        assertThat(table.contains(contact(1).id())).isFalse();
        assertThat(rpc.pinged).containsExactly(contact(1), contact(1));
    }

    @Test
    void silent_ofAContactThatIsOnlySlow_keepsIt() {
        table.offer(contact(1));
        rpc.pong = to -> Mono.delay(Duration.ofSeconds(2), time).then(pong(to));

        peers.silent(contact(1));
        pass(Duration.ofSeconds(10));

        assertThat(table.closestResponsive(SELF, 1, SELF)).containsExactly(contact(1));
        assertThat(rpc.pinged).hasSize(1);
    }

    @Test
    void silent_whileTheContactIsQuestioned_pingsItOnce() {
        table.offer(contact(1));
        rpc.pong = to -> noAnswer();

        peers.silent(contact(1));
        peers.silent(contact(1));

        assertThat(rpc.pinged).hasSize(1);
    }

    @Test
    void silent_ofAStranger_pingsNobody() {
        peers.silent(contact(1));

        assertThat(rpc.pinged).isEmpty();
    }

    @Test
    void silent_ofManyContacts_pingsABoundedNumberAtOnce() {
        List<Contact> contacts =
                IntStream.range(0, 50).mapToObj(PeerBookTest::contact).toList();
        contacts.forEach(table::offer);
        rpc.pong = to -> noAnswer();

        contacts.forEach(peers::silent);

        assertThat(rpc.pinged).hasSize(32);
    }

    @Test
    void silent_ofAContactThatAnswersWithNothing_dropsIt() {
        table.offer(contact(1));
        rpc.pong = to -> Mono.empty();

        peers.silent(contact(1));
        pass(Duration.ofSeconds(1));

        assertThat(table.contains(contact(1).id())).isFalse();
    }

    @Test
    void met_afterManyStrangersAnsweredWithNothing_stillIntroducesTheNext() {
        rpc.pong = to -> to.equals(contact(99)) ? pong(to) : Mono.empty();
        IntStream.range(0, 32).mapToObj(PeerBookTest::contact).forEach(peers::met);
        pass(Duration.ofSeconds(1));

        peers.met(contact(99));
        pass(Duration.ofSeconds(1));

        assertThat(table.contains(contact(99).id())).isTrue();
    }

    @Test
    void met_byAPeerThatAnnouncesOtherAddressesInItsAnswer_believesTheAnswer() {
        Contact moved = new Contact(contact(1).id(), contact(2).addresses());
        rpc.pong = to -> pong(moved);

        peers.met(contact(1));
        pass(Duration.ofSeconds(1));

        assertThat(table.get(moved.id())).isEqualTo(moved);
    }

    @Test
    void failed_ofAnOverloadedPeerAtAddressesThatOthersTold_keepsTheKnownOnes() {
        table.offer(contact(1));
        Contact told = new Contact(contact(1).id(), contact(2).addresses());

        peers.failed(told, new OverloadedException("Later", Duration.ofMillis(1)));

        assertThat(table.get(told.id())).isEqualTo(contact(1));
    }

    @Test
    void failed_ofAnOverloadedStranger_entersNoTable() {
        peers.failed(contact(1), new OverloadedException("Later", Duration.ofMillis(1)));

        assertThat(table.size()).isZero();
    }

    /** Counts pings, and answers as it is told. */
    private static final class FakeRpc implements DhtRpc {

        private final List<Contact> pinged = new ArrayList<>();
        private Function<Contact, Mono<Answer<Pong>>> pong = PeerBookTest::pong;

        @Override
        public Mono<Answer<Pong>> ping(Contact to) {
            return Mono.defer(() -> {
                pinged.add(to);
                return pong.apply(to);
            });
        }

        @Override
        public Mono<Answer<FindReply>> find(Contact to, FindRequest request) {
            return Mono.error(new UnsupportedOperationException());
        }

        @Override
        public Flux<DhtValue> watch(Contact to, WatchRequest request) {
            return Flux.error(new UnsupportedOperationException());
        }

        @Override
        public Mono<Answer<StoreReply>> store(Contact to, StoreRequest request) {
            return Mono.error(new UnsupportedOperationException());
        }
    }
}
