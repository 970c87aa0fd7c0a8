package dev.hivemind.launcher.swarm;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.output.Listing;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code hivemind dht get}: prints what is stored under a key. */
@Command(
        name = "get",
        description = "Print what is stored under a key: a value, or a line for each subkey.",
        footer = "%nExample: hivemind dht get greeting --initial-peers 127.0.0.1:1337")
final class DhtGetCommand extends VisitCommand {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Parameters(index = "0", paramLabel = "KEY", description = "A text of at most 256 bytes.")
    private String key = "";

    @Override
    void visit(Visitor visitor, List<PeerAddress> initialPeers) {
        DhtValue value = visitor.join(initialPeers)
                .getLatest(DhtKey.of(key))
                .blockOptional(TIMEOUT)
                .orElseThrow(() -> new LauncherException("Nothing is stored under '%s'".formatted(key)));
        show(value);
    }

    private void show(DhtValue value) {
        Listing listing = Listing.of(System.out, isJson(), "key", "subkey", "value", "owner", "expiresAt");
        if (value instanceof PlainRecord plain) {
            add(listing, null, plain);
        } else if (value instanceof DictionaryRecord dictionary) {
            dictionary.entries().forEach((subkey, record) -> add(listing, subkey, record));
        }
        listing.end();
    }

    /** The subkey of an owned entry ends with its owner's id, which is shown by itself. */
    private void add(Listing listing, @Nullable ByteString subkey, PlainRecord record) {
        if (record.isTombstone()) {
            return;
        }
        var owned = record.owned();
        String owner = owned == null
                ? null
                : PeerId.ofPublicKey(owned.ownerKey().toByteArray()).toString();
        ByteString name = subkey == null || owned == null ? subkey : subkey.substring(0, subkey.size() - PeerId.BYTES);
        listing.add(key, name == null ? null : text(name), text(record.value()), owner, record.expiresAt());
    }

    /** Texts that a terminal can show as they are, and everything else in hexadecimal digits. */
    private static String text(ByteString bytes) {
        String text = bytes.isValidUtf8() ? bytes.toStringUtf8() : "\0";
        return text.chars().noneMatch(Character::isISOControl)
                ? text
                : "0x" + HexFormat.of().formatHex(bytes.toByteArray());
    }
}
