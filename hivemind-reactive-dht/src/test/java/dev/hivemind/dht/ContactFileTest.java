package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContactFileTest {

    @TempDir
    private Path directory;

    private final Swarm swarm = new Swarm(9, node -> node);

    @AfterEach
    void close() {
        swarm.close();
    }

    @Test
    void start_afterARestartWithoutInitialPeers_findsTheDht() {
        swarm.grow(3);
        Path file = directory.resolve("contacts");
        PeerNode peer = swarm.diallingPeer();
        DhtNode before = swarm.start(
                peer,
                swarm.node(peer).contactFile(file).initialPeers(swarm.get(0).addresses()));
        before.close().block(Swarm.TIMEOUT);

        PeerNode again = swarm.diallingPeer();
        DhtNode after = swarm.start(again, swarm.node(again).contactFile(file));

        assertThat(after.snapshot().block(Swarm.TIMEOUT).contacts()).isEqualTo(3);
    }

    @Test
    void read_ofAFileWithGarbage_skipsIt() throws IOException {
        Path file = directory.resolve("contacts");
        Files.writeString(file, "nonsense\n127.0.0.1:7\n\n:::\n");

        assertThat(new ContactFile(file).read()).containsExactly(new PeerAddress("127.0.0.1", 7));
        assertThat(new ContactFile(directory.resolve("none")).read()).isEqualTo(List.of());
    }
}
