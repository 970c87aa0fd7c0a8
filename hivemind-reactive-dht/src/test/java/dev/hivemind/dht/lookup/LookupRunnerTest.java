package dev.hivemind.dht.lookup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.rpc.Pong;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;
import reactor.test.scheduler.VirtualTimeScheduler;

/** Timers and cancellation, in virtual time. */
class LookupRunnerTest {

    private static final NodeId SELF = NodeId.ofKey(new byte[] {1});
    private static final NodeId TARGET = NodeId.ofKey(new byte[] {2});
    private static final LookupConfig CONFIG = new LookupConfig(3, Duration.ofMillis(250), Duration.ofSeconds(30));

    private final VirtualTimeScheduler time = VirtualTimeScheduler.create();
    private final Random random = new Random(1);
    private final List<Contact> contacts = Stream.generate(
                    () -> new Contact(FakeSwarm.randomId(random), List.of(new PeerAddress("127.0.0.1", 1))))
            .limit(8)
            .sorted(TARGET.nearestFirst())
            .toList();
    private final FakeRpc rpc = new FakeRpc();
    private final List<Contact> answered = new ArrayList<>();
    private final List<Contact> silent = new ArrayList<>();
    private final List<Contact> failed = new ArrayList<>();

    @AfterEach
    void stop() {
        time.dispose();
    }

    private Mono<LookupResult> run() {
        var listener = new LookupListener() {
            @Override
            public void answered(Contact contact) {
                answered.add(contact);
            }

            @Override
            public void silent(Contact contact) {
                silent.add(contact);
            }

            @Override
            public void failed(Contact contact, Throwable error) {
                failed.add(contact);
            }
        };
        var environment = new LookupRunner.Environment(rpc, time.createWorker(), listener, CONFIG);
        var runner = new LookupRunner(SELF, new Lifetimes(Clock.systemUTC(), Lifetimes.MAX_TTL), environment);
        return runner.run(LookupRequest.ofNodes(TARGET, 4), () -> contacts);
    }

    /** A peer knows better than others where it listens. */
    private static Contact sayingItself(Contact contact) {
        return new Contact(contact.id(), List.of(new PeerAddress("127.0.0.1", 2)));
    }

    private static Mono<FindReply> nothing() {
        return Mono.just(new FindReply(List.of(new FindResult(List.of(), null))));
    }

    @Test
    void run_withPeersThatAnswer_emitsTheNearestAndTellsTheListenerWhatTheySayThemselves() {
        rpc.answer = contact -> nothing();

        StepVerifier.create(run().doOnSubscribe(s -> time.advanceTimeBy(Duration.ZERO)))
                .then(() -> time.advanceTimeBy(Duration.ofMillis(1)))
                .assertNext(result -> assertThat(result.closest()).isEqualTo(contacts.subList(0, 4)))
                .verifyComplete();
        assertThat(answered)
                .containsExactlyInAnyOrderElementsOf(contacts.subList(0, 4).stream()
                        .map(LookupRunnerTest::sayingItself)
                        .toList());
    }

    @Test
    void run_withSilentPeers_goesOnAfterTheSoftTimeout() {
        rpc.answer = contact -> contacts.indexOf(contact) < 3 ? Mono.never() : nothing();

        StepVerifier.create(run())
                .then(() -> time.advanceTimeBy(Duration.ofMillis(249)))
                .then(() -> assertThat(rpc.asked).hasSize(3))
                .then(() -> time.advanceTimeBy(Duration.ofMillis(2)))
                .assertNext(result -> {
                    assertThat(result.closest()).isEqualTo(contacts.subList(3, 7));
                    assertThat(result.stats().timeouts()).isEqualTo(3);
                })
                .verifyComplete();
        assertThat(rpc.inFlight).isZero();
    }

    @Test
    void run_endingBeforeSlowPeersCanFail_tellsTheListenerWhoWasSilent() {
        rpc.answer = contact -> contacts.indexOf(contact) < 3 ? Mono.never() : nothing();

        StepVerifier.create(run())
                .then(() -> time.advanceTimeBy(Duration.ofMillis(251)))
                .expectNextCount(1)
                .verifyComplete();

        assertThat(silent).containsExactlyElementsOf(contacts.subList(0, 3));
        assertThat(failed).isEmpty();
    }

    @Test
    void run_withPeersThatFail_tellsTheListenerAndTakesTheNext() {
        rpc.answer =
                contact -> contacts.indexOf(contact) < 2 ? Mono.error(new PeerUnavailableException("gone")) : nothing();

        StepVerifier.create(run())
                .then(() -> time.advanceTimeBy(Duration.ofMillis(1)))
                .assertNext(result -> assertThat(result.closest()).isEqualTo(contacts.subList(2, 6)))
                .verifyComplete();
        assertThat(failed).containsExactlyElementsOf(contacts.subList(0, 2));
    }

    @Test
    void run_withNobodyAnswering_endsAtTheDeadline() {
        rpc.answer = contact -> Mono.never();

        StepVerifier.create(run())
                .then(() -> time.advanceTimeBy(Duration.ofSeconds(29)))
                .then(() -> assertThat(rpc.asked).hasSize(8))
                .then(() -> time.advanceTimeBy(Duration.ofSeconds(2)))
                .assertNext(result -> assertThat(result.closest()).isEmpty())
                .verifyComplete();
        assertThat(rpc.inFlight).isZero();
        assertThat(silent).containsExactlyElementsOf(contacts);
    }

    @Test
    void cancel_withCallsUnderWay_givesThemAllUpAndSendsNoMore() {
        rpc.answer = contact -> Mono.never();

        StepVerifier.create(run())
                .then(() -> time.advanceTimeBy(Duration.ofMillis(300)))
                .then(() -> assertThat(rpc.inFlight).isEqualTo(7))
                .thenCancel()
                .verify();

        assertThat(rpc.inFlight).isZero();
        int asked = rpc.asked.size();
        time.advanceTimeBy(Duration.ofMinutes(1));
        assertThat(rpc.asked).hasSize(asked);
    }

    @Test
    void run_withNobodySubscribed_sendsNothing() {
        run();

        time.advanceTimeBy(Duration.ofMinutes(1));

        assertThat(rpc.asked).isEmpty();
    }

    /** Counts calls, and answers as it is told. */
    private static final class FakeRpc implements DhtRpc {

        private final List<Contact> asked = new ArrayList<>();
        private Function<Contact, Mono<FindReply>> answer = contact -> Mono.never();
        private int inFlight;

        @Override
        public Mono<Answer<FindReply>> find(Contact to, FindRequest request) {
            return Mono.defer(() -> {
                asked.add(to);
                inFlight++;
                return answer.apply(to)
                        .map(reply -> new Answer<>(sayingItself(to), reply))
                        .doFinally(signal -> inFlight--);
            });
        }

        @Override
        public Mono<Answer<Pong>> ping(Contact to) {
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
