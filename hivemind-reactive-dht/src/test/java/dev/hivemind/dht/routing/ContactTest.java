package dev.hivemind.dht.routing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ContactTest {

    private static final PeerAddress REACHABLE = new PeerAddress("127.0.0.1", 4_000);

    @Test
    void of_addressesWithoutPort_leavesThemOut() {
        Contact contact = Contact.of(PeerIdentity.generate().id(), List.of(new PeerAddress("127.0.0.1", 0), REACHABLE));

        assertThat(contact.addresses()).containsExactly(REACHABLE);
    }

    @Test
    void of_tooManyAddresses_keepsTheFirstOnes() {
        List<PeerAddress> many = IntStream.rangeClosed(1, Contact.MAX_ADDRESSES + 1)
                .mapToObj(port -> new PeerAddress("127.0.0.1", port))
                .toList();

        Contact contact = Contact.of(PeerIdentity.generate().id(), many);

        assertThat(contact.addresses()).isEqualTo(many.subList(0, Contact.MAX_ADDRESSES));
    }
}
