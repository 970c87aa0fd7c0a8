package dev.hivemind.launcher.swarm;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.output.JsonLines;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hivemind dht put}: stores a value that anybody may replace, until it expires. */
@Command(
        name = "put",
        description = "Store a value under a key, until it expires. Anybody may replace it.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind dht put greeting hello --ttl 10m --initial-peers 127.0.0.1:1337")
final class DhtPutCommand implements Runnable {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

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

    @Mixin
    private InitialPeers initialPeers = new InitialPeers();

    @Option(names = "--json", description = "Print a JSON object instead of text.")
    private boolean json;

    @Override
    public void run() {
        try (var visitor = new Visitor()) {
            DhtNode dht = visitor.join(initialPeers.addresses());
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
    }

    private DhtRecord record(Instant expiresAt) {
        try {
            ByteString bytes = ByteString.copyFromUtf8(value);
            return subkey == null
                    ? DhtRecord.of(DhtKey.of(key), bytes, expiresAt)
                    : DhtRecord.of(DhtKey.of(key), ByteString.copyFromUtf8(subkey), bytes, expiresAt);
        } catch (IllegalArgumentException tooLong) {
            throw new ParameterException(spec.commandLine(), String.valueOf(tooLong.getMessage()), tooLong);
        }
    }

    private void show(StoreReceipt receipt, Instant expiresAt) {
        if (json) {
            Map<String, @Nullable Object> fields = new LinkedHashMap<>();
            fields.put("key", key);
            fields.put("subkey", subkey);
            fields.put("stored", receipt.stored());
            fields.put("expiresAt", expiresAt);
            new JsonLines(System.out).write(fields);
        } else {
            var out = spec.commandLine().getOut();
            out.printf("Stored at %d peers until %s.%n", receipt.stored(), expiresAt);
            out.flush();
        }
    }
}
