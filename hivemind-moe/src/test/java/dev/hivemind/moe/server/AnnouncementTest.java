package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the DHT is told of a server's experts, over real sockets. */
class AnnouncementTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final ExpertUid TRAINED = new ExpertUid("ffn.0");
    private static final ExpertUid FROZEN = new ExpertUid("ffn.1");

    private final PeerNode host =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final DhtNode hostDht = DhtNode.builder(host).build();
    private final PeerNode reader = PeerNode.builder().build();
    private ExpertServer server;
    private DhtNode readerDht;
    private ExpertDirectory directory;

    @BeforeEach
    void start() {
        server = ExpertServer.builder(host)
                .announceIn(new ExpertDirectory(hostDht), Duration.ofMinutes(5))
                .expert(TRAINED.toString(), ExpertBackend.create(TestExperts.ffn(8), OptimizerConfig.sgd()))
                .expert(FROZEN.toString(), ExpertBackend.create(TestExperts.ffn(8), OptimizerConfig.frozen()))
                .build();
        host.start().then(hostDht.start()).then(server.start()).block(TIMEOUT);
        readerDht = DhtNode.builder(reader)
                .initialPeers(List.of(host.addresses().get(0)))
                .build();
        reader.start().then(readerDht.start()).block(TIMEOUT);
        directory = new ExpertDirectory(readerDht);
    }

    @AfterEach
    void close() {
        server.close()
                .then(readerDht.close())
                .then(hostDht.close())
                .then(reader.close())
                .then(host.close())
                .block(TIMEOUT);
    }

    @Test
    void start_withADirectory_tellsWhoHostsWhat() {
        ExpertDescriptor trained = find(TRAINED);
        ExpertDescriptor frozen = find(FROZEN);

        assertThat(trained.peerId()).isEqualTo(host.id());
        assertThat(trained.status().state()).isEqualTo(ExpertStatus.State.ONLINE);
        assertThat(trained.status().load()).isZero();
        assertThat(trained.status().trainable()).isTrue();
        assertThat(frozen.status().trainable()).isFalse();
        assertThat(frozen.status().schemaHash())
                .hasSize(ExpertStatus.MAX_HASH_BYTES)
                .isEqualTo(trained.status().schemaHash());
    }

    @Test
    void close_withADirectory_withdrawsTheExperts() {
        server.close().block(TIMEOUT);

        assertThat(directory.find(TRAINED).collectList().block(TIMEOUT)).isEmpty();
        assertThat(directory.find(FROZEN).collectList().block(TIMEOUT)).isEmpty();
    }

    private ExpertDescriptor find(ExpertUid uid) {
        return directory.find(uid).blockFirst(TIMEOUT);
    }
}
