package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ExpertHandlesTest {

    private static final ExpertUid UID = new ExpertUid("ffn.1");
    private static final ExpertUid OTHER = new ExpertUid("ffn.2");

    private final PeerIdentity owner = PeerIdentity.generate();
    private final PeerNode node = PeerNode.builder().build();
    private ExpertClient client;
    private ExpertHandles handles;

    @BeforeEach
    void makeClient() {
        client = ExpertClient.create(
                node, new ExpertDirectory(DhtNode.builder(node).build()));
        handles = new ExpertHandles(client);
    }

    @AfterEach
    void close() {
        client.dispose();
        node.close().block(Swarm.TIMEOUT);
    }

    private List<ExpertDescriptor> at(ExpertUid uid, int port) {
        return List.of(new ExpertDescriptor(uid, owner.id(), List.of(new PeerAddress("127.0.0.1", port))));
    }

    @Test
    void get_ofAnExpertThatStayed_isTheSameHandle() {
        RemoteExpert first = handles.get(at(UID, 1));
        handles.get(at(OTHER, 1));

        assertThat(handles.get(at(UID, 1))).isSameAs(first);
    }

    @Test
    void get_ofAnExpertThatMoved_isAnotherHandle() {
        RemoteExpert first = handles.get(at(UID, 1));

        assertThat(handles.get(at(UID, 2))).isNotSameAs(first);
    }

    @Test
    void forget_ofAnExpert_keepsTheOthers() {
        RemoteExpert first = handles.get(at(UID, 1));
        RemoteExpert other = handles.get(at(OTHER, 1));

        handles.forget(UID);

        assertThat(handles.get(at(UID, 1))).isNotSameAs(first);
        assertThat(handles.get(at(OTHER, 1))).isSameAs(other);
    }
}
