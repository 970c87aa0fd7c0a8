package dev.hivemind.moe.docs;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Runs the Java of the README, and checks that the README shows what is run here. */
class ReadmeExampleTest {

    private static final Path SOURCE = Path.of("src/test/java/dev/hivemind/moe/docs/ReadmeExampleTest.java");
    private static final Path README = Path.of("../README.md");

    @Test
    void readme_example_hostsAnExpertAndTrainsItThroughAutograd() {
        // README begins
        // Host an expert: a peer, its DHT node, and a server that announces the expert there.
        PeerNode host =
                PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
        DhtNode hostDht = DhtNode.builder(host).build();
        ExpertBackend ffn = ExpertBackend.create(
                ExpertFactories.named("ffn").create(new ExpertOptions(512, 1)), OptimizerConfig.sgd(0.05));
        ExpertServer server = ExpertServer.builder(host)
                .expert("expert.1", ffn)
                .announceIn(new ExpertDirectory(hostDht), Duration.ofSeconds(30))
                .build();
        host.start().then(hostDht.start()).then(server.start()).block();

        // Elsewhere: a peer that hosts nothing and knows one address. It finds the expert by name.
        PeerNode peer = PeerNode.builder().build();
        DhtNode dht = DhtNode.builder(peer).initialPeers(host.addresses()).build();
        peer.start().then(dht.start()).block();
        ExpertClient client = ExpertClient.create(peer, new ExpertDirectory(dht));
        RemoteExpert expert = client.expert(new ExpertUid("expert.1")).block();

        // Use it as a layer. Backward gives local gradients, and trains the expert on its own machine.
        try (NDManager manager = TensorOps.newManager();
                RemoteTape tape = RemoteTape.open(manager)) {
            NDArray x = tape.manager().randomNormal(new Shape(3, 512));
            x.setRequiresGradient(true);
            NDArray y = tape.forward(expert, x.tanh());
            tape.backward(y.square().mean());
            System.out.println(x.getGradient());
            // README ends
            assertThat(x.getGradient().abs().sum().getFloat()).isPositive();
        }
        assertThat(ffn.optimizer().steps()).isEqualTo(1);
        client.dispose();
        server.close()
                .then(hostDht.close())
                .then(dht.close())
                .then(peer.close())
                .then(host.close())
                .block(Duration.ofSeconds(20));
    }

    @Test
    void readme_showsTheExampleThatIsRunHere() throws IOException {
        List<String> source = Files.readAllLines(SOURCE);
        String example = String.join(
                "\n",
                source
                        .subList(
                                source.indexOf("        // README begins") + 1,
                                source.indexOf("            // README ends"))
                        .stream()
                        .map(line -> line.isEmpty() ? line : line.substring(8))
                        .toList());

        assertThat(Files.readString(README)).contains("```java\n" + example + "\n}\n```");
    }
}
