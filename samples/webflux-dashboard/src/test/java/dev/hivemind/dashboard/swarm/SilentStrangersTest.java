package dev.hivemind.dashboard.swarm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.dht.rpc.FindReply;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.Pong;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;
import reactor.test.scheduler.VirtualTimeScheduler;

class SilentStrangersTest {

    private final List<Contact> asked = new ArrayList<>();
    private final VirtualTimeScheduler time = VirtualTimeScheduler.create();
    private final SilentStrangers strangers = new SilentStrangers(
            new DhtRpc() {

                @Override
                public Mono<Answer<Pong>> ping(Contact to) {
                    return Mono.never();
                }

                @Override
                public Mono<Answer<FindReply>> find(Contact to, FindRequest request) {
                    asked.add(to);
                    return Mono.empty();
                }

                @Override
                public Flux<DhtValue> watch(Contact to, WatchRequest request) {
                    return Flux.never();
                }

                @Override
                public Mono<Answer<StoreReply>> store(Contact to, StoreRequest request) {
                    return Mono.never();
                }
            },
            time);

    @AfterEach
    void stop() {
        time.dispose();
    }

    private static Contact at(int port) {
        return new Contact(new NodeId(port, 0, 0, 0), List.of(new PeerAddress("127.0.0.1", port)));
    }

    private Mono<Answer<FindReply>> find(Contact to) {
        return strangers.find(to, new FindRequest(List.of(to.id()), false));
    }

    @Test
    void find_oneThatWasSilent_failsAtOnceUntilAWhileHasPassed() {
        strangers.silent(at(1));

        StepVerifier.create(find(at(1))).verifyError(PeerUnavailableException.class);
        assertThat(asked).isEmpty();

        time.advanceTimeBy(SilentStrangers.PAUSE);
        StepVerifier.create(find(at(1))).verifyComplete();
        assertThat(asked).containsExactly(at(1));
    }

    @Test
    void find_others_areAsked() {
        strangers.silent(at(1));

        StepVerifier.create(find(at(2))).verifyComplete();

        assertThat(asked).containsExactly(at(2));
    }

    @Test
    void silent_moreThanAreRemembered_forgetsTheFirst() {
        for (int port = 1; port <= SilentStrangers.MAX_REMEMBERED + 1; port++) {
            strangers.silent(at(port));
        }

        StepVerifier.create(find(at(1))).verifyComplete();
        StepVerifier.create(find(at(2))).verifyError(PeerUnavailableException.class);
    }
}
