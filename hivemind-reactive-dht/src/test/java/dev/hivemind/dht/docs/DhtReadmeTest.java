package dev.hivemind.dht.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Runs the Java of the module's README, and checks that the README shows what is run here. */
class DhtReadmeTest {

    private static final Path SOURCE = Path.of("src/test/java/dev/hivemind/dht/docs/DhtReadmeTest.java");
    private static final Path README = Path.of("README.md");

    @Test
    void readme_example_storesHereAndFindsThere() {
        // README begins
        PeerNode first =
                PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
        DhtNode dht = DhtNode.builder(first).build();
        first.start().then(dht.start()).block();

        // Elsewhere: another peer, which knows one address of the DHT.
        PeerNode second =
                PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
        DhtNode other = DhtNode.builder(second).initialPeers(first.addresses()).build();
        second.start().then(other.start()).block();

        DhtKey key = DhtKey.of("greeting");
        ByteString hello = ByteString.copyFromUtf8("hello");
        dht.store(DhtRecord.of(key, hello, dht.now().plusSeconds(60))).block();
        DhtValue found = other.get(key).block();
        // README ends
        assertThat(found.expiresAt()).isAfter(other.now());
        other.close().then(dht.close()).then(second.close()).then(first.close()).block(Duration.ofSeconds(20));
    }

    @Test
    void readme_showsTheExampleThatIsRunHere() throws IOException {
        List<String> source =
                Files.readAllLines(SOURCE).stream().map(String::strip).toList();
        List<String> example = source.subList(source.indexOf("// README begins") + 1, source.indexOf("// README ends"));
        List<String> readme =
                Files.readAllLines(README).stream().map(String::strip).toList();

        assertThat(String.join(" ", readme).replaceAll("\\s+", ""))
                .contains(String.join(" ", example).replaceAll("\\s+", ""));
    }
}
