package dev.hivemind.launcher.swarm;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hivemind dht put}: stores a value that anybody may replace, until it expires. */
@Command(
        name = "put",
        description = "Store a value under a key, until it expires. Anybody may replace it.",
        footer = "%nExample: hivemind dht put greeting hello --ttl 10m --initial-peers 127.0.0.1:1337")
final class DhtPutCommand extends VisitCommand {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Parameters(index = "0", paramLabel = "KEY", description = "A text of at most 256 bytes.")
    private String key = "";

    @Parameters(index = "1", paramLabel = "VALUE", description = "A text of at most 16 KiB.")
    private String value = "";

    @Option(
            names = "--subkey",
            paramLabel = "NAME",
            description = "Store an entry of a dictionary, beside those of other subkeys. Default: a single value.")
    private @Nullable String subkey;

    @Option(
            names = "--ttl",
            paramLabel = "TIME",
            defaultValue = "5m",
            converter = DurationConverter.class,
            description = "After which it expires, at most 24h. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration ttl;

    @Override
    void visit(Visitor visitor, List<PeerAddress> initialPeers) {
        DhtNode dht = visitor.join(initialPeers);
        DhtRecord record = record(dht.now().plus(ttl));
        StoreReceipt receipt = Visitor.await(dht.store(record), TIMEOUT);
        if (!receipt.isStored()) {
            throw new LauncherException(
                    receipt.stale() > 0
                            ? "Something that expires later is stored there: choose a longer --ttl"
                            : "No peer has room for it: try again later");
        }
        show(receipt, record.expiresAt());
    }

    private DhtRecord record(Instant expiresAt) {
        try {
            ByteString bytes = ByteString.copyFromUtf8(value);
            return subkey == null
                    ? DhtRecord.of(DhtKey.of(key), bytes, expiresAt)
                    : DhtRecord.of(DhtKey.of(key), ByteString.copyFromUtf8(subkey), bytes, expiresAt);
        } catch (IllegalArgumentException tooLong) {
            throw usageError(tooLong);
        }
    }

    private void show(StoreReceipt receipt, Instant expiresAt) {
        if (isJson()) {
            Map<String, @Nullable Object> fields = new LinkedHashMap<>();
            fields.put("key", key);
            fields.put("subkey", subkey);
            fields.put("stored", receipt.stored());
            fields.put("expiresAt", expiresAt);
            new JsonLines(System.out).write(fields);
        } else {
            say("Stored at %d peers until %s.".formatted(receipt.stored(), expiresAt));
        }
    }
}
