package dev.hivemind.dashboard.swarm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.NodeEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

class EntrancesTest {

    private static final PeerAddress GIVEN = PeerAddress.parse("127.0.0.1:1");

    private final Entrances entrances = new Entrances(List.of(GIVEN));

    private void told(String... addresses) {
        entrances.reported(EventMessage.newBuilder()
                .setNode(NodeEventMessage.newBuilder()
                        .setKind(NodeEventMessage.Kind.KIND_PEER_CONNECTED)
                        .addAllAddresses(List.of(addresses)))
                .build());
    }

    @Test
    void all_begins_withWhatWasToldLast() {
        told("127.0.0.1:2");
        told("127.0.0.1:3");
        told("127.0.0.1:2");

        assertThat(entrances.all())
                .containsExactly(PeerAddress.parse("127.0.0.1:2"), PeerAddress.parse("127.0.0.1:3"), GIVEN);
    }

    @Test
    void reported_nonsense_isIgnored() {
        told("", "nonsense", "127.0.0.1:0", "127.0.0.1:1");
        entrances.reported(EventMessage.getDefaultInstance());

        assertThat(entrances.all()).containsExactly(GIVEN);
    }

    @Test
    void reported_manyAddresses_areBounded() {
        for (int port = 2; port < 1_000; port++) {
            told("127.0.0.1:" + port);
        }

        assertThat(entrances.all()).hasSize(Entrances.MAX_TOLD + 1);
    }

    @Test
    void change_completesWithANewAddressAlone() {
        told("127.0.0.1:2");

        StepVerifier.create(entrances.change())
                .expectSubscription()
                .then(() -> told("127.0.0.1:2"))
                .expectNoEvent(Duration.ofMillis(1))
                .then(() -> told("127.0.0.1:3"))
                .expectComplete()
                .verify(Duration.ofSeconds(20));
    }
}
