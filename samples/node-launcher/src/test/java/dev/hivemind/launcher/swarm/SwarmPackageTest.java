package dev.hivemind.launcher.swarm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.CommandRun;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Commands as processes, at a peer of this one that declares experts without hosting any. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class SwarmPackageTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    private PeerNode node;
    private DhtNode dht;
    private String address;

    @BeforeEach
    void start() {
        node = PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        dht = DhtNode.builder(node).build();
        node.start().then(dht.start()).block(TIMEOUT);
        address = node.addresses().get(0).toString();
    }

    @AfterEach
    void close() {
        dht.close().then(node.close()).block(TIMEOUT);
    }

    private CommandRun hivemind(String... arguments) throws Exception {
        return CommandRun.start(directory, Map.of("HIVEMIND_INITIAL_PEERS", address), arguments);
    }

    private void declare(String... uids) {
        new ExpertDirectory(dht)
                .declare(List.of(uids).stream().map(ExpertUid::new).toList(), Duration.ofMinutes(10))
                .block(TIMEOUT);
    }

    @Test
    void ping_peer_namesItAndHowLongItTook() throws Exception {
        assertThat(hivemind("ping", address).success())
                .singleElement()
                .asString()
                .matches("Peer " + node.id() + " answers at " + address + " after \\d+\\.\\d ms\\.");
    }

    @Test
    void ping_asJson_tellsAllThatIsKnown() throws Exception {
        assertThat(hivemind("ping", address, "--json").success())
                .singleElement()
                .asString()
                .matches("\\{\"peer\":\"" + address + "\",\"peerId\":\"" + node.id() + "\",\"addresses\":\\[\""
                        + address + "\"],\"roundTripMillis\":[\\d.]+,\"dht\":true,\"clockAheadMillis\":-?\\d+}");
    }

    @Test
    void ping_whereNobodyListens_exitsWithThree() throws Exception {
        String gone;
        try (var socket = new ServerSocket(0)) {
            gone = "127.0.0.1:" + socket.getLocalPort();
        }

        assertThat(hivemind("ping", gone).failure(3)).contains(gone);
    }

    @Test
    void commands_whereSomethingElseListens_sayThatItIsNoPeer() throws Exception {
        try (var stranger = new Stranger()) {
            assertThat(hivemind("ping", stranger.address()).failure(3))
                    .contains(stranger.address(), "does not answer as a peer");
            assertThat(hivemind("experts", "ls", "ffn", "--initial-peers", stranger.address())
                            .failure(3))
                    .contains(stranger.address(), "does not answer as a peer");
            assertThat(hivemind("dht", "run", "--initial-peers", stranger.address())
                            .failure(3))
                    .contains(stranger.address(), "does not answer as a peer");
        }
    }

    @Test
    void ping_withoutPort_showsHowToWriteIt() throws Exception {
        assertThat(hivemind("ping", "127.0.0.1").failure(2)).contains("Write HOST:PORT");
    }

    @Test
    void put_thenGet_isTheSame() throws Exception {
        assertThat(hivemind("dht", "put", "greeting", "hello", "--json").success())
                .singleElement()
                .asString()
                .startsWith("{\"key\":\"greeting\",\"subkey\":null,\"stored\":1,\"expiresAt\":\"");

        assertThat(hivemind("dht", "get", "greeting").success())
                .singleElement()
                .asString()
                .startsWith("greeting\t-\thello\t-\t");
    }

    @Test
    void put_ofSubkeys_keepsThemBesideEachOther() throws Exception {
        hivemind("dht", "put", "party", "cake", "--subkey", "ann").success();
        hivemind("dht", "put", "party", "wine", "--subkey", "ben").success();

        assertThat(hivemind("dht", "get", "party", "--json").success())
                .satisfiesExactly(
                        first -> assertThat(first)
                                .startsWith("{\"key\":\"party\",\"subkey\":\"ann\",\"value\":\"cake\",\"owner\":null,"),
                        second -> assertThat(second).contains("\"subkey\":\"ben\",\"value\":\"wine\""));
    }

    @Test
    void put_withABadTime_showsHowToWriteIt() throws Exception {
        assertThat(hivemind("dht", "put", "a", "b", "--ttl", "soon").failure(2)).contains("write for example 500ms");
    }

    @Test
    void get_ofAnUnknownKey_fails() throws Exception {
        assertThat(hivemind("dht", "get", "nothing").failure(1)).contains("Nothing is stored under 'nothing'");
    }

    @Test
    void peers_andCrawl_findTheNode() throws Exception {
        assertThat(hivemind("dht", "peers").success()).containsExactly(node.id() + "\t" + address);
        assertThat(hivemind("dht", "crawl", "--json").success())
                .singleElement()
                .asString()
                .startsWith("{\"peerId\":\"" + node.id() + "\",\"addresses\":[\"" + address + "\"],\"answers\":true,");
    }

    @Test
    void dht_withoutCommand_namesThem() throws Exception {
        assertThat(hivemind("dht").failure(2)).contains("get", "put", "peers", "crawl");
    }

    @Test
    void ls_belowAPrefix_listsAllCellsInOrder() throws Exception {
        declare("ffn.10.0", "ffn.2.3", "ffn.2.1", "other.1");

        assertThat(hivemind("experts", "ls", "ffn").success())
                .extracting(line -> line.substring(0, line.indexOf('\t')))
                .containsExactly("ffn.2.1", "ffn.2.3", "ffn.10.0");
    }

    @Test
    void ls_asJson_tellsOwnerAndState() throws Exception {
        declare("flat.3");

        assertThat(hivemind("experts", "ls", "flat.", "--json").success())
                .containsExactly("{\"uid\":\"flat.3\",\"peerId\":\"" + node.id() + "\",\"addresses\":[\"" + address
                        + "\"],\"state\":\"online\",\"load\":0.0,\"trainable\":false}");
    }

    @Test
    void ls_whereNobodyHosts_fails() throws Exception {
        assertThat(hivemind("experts", "ls", "ffn").failure(1)).contains("Nobody hosts experts below 'ffn.'");
    }

    @Test
    void show_ofAnExpert_tellsItsOwner() throws Exception {
        declare("flat.3");

        assertThat(hivemind("experts", "show", "flat.3", "--json").success())
                .singleElement()
                .asString()
                .startsWith("{\"uid\":\"flat.3\",\"peerId\":\"" + node.id() + "\"");
    }

    @Test
    void show_ofABadUid_showsHowToWriteIt() throws Exception {
        assertThat(hivemind("experts", "show", "ffn").failure(2)).contains("Write NAME.INDEX");
    }

    @Test
    void identity_new_isShownAgainAndKeptSecret() throws Exception {
        Path file = directory.resolve("keys").resolve("peer.key");

        List<String> made =
                hivemind("identity", "new", file.toString(), "--json").success();

        assertThat(made)
                .singleElement()
                .asString()
                .matches("\\{\"peerId\":\"\\p{XDigit}{64}\",\"publicKey\":\"\\p{XDigit}{64}\"}");
        assertThat(hivemind("identity", "show", file.toString(), "--json").success())
                .isEqualTo(made);
        if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void identity_new_neverOverwrites() throws Exception {
        Path file = Files.writeString(directory.resolve("peer.key"), "precious");

        assertThat(hivemind("identity", "new", file.toString()).failure(1)).contains("exists");
        assertThat(file).hasContent("precious");
        assertThat(hivemind("identity", "show", file.toString()).failure(1)).contains("holds no identity");
    }
}
