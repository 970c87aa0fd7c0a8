package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.CommandGroup;
import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code hivemind identity}: makes and shows the keys by which peers know each other. */
@Command(
        name = "identity",
        description = "Make or show the private key of a peer, which decides its id.",
        footer = "%nExample: hivemind identity new peer.key, then hivemind server --identity-path peer.key")
public final class IdentityCommand extends CommandGroup {

    /** A group whose commands are not made yet. */
    public IdentityCommand() {
        add("new", New.class);
        add("show", Show.class);
    }

    private abstract static class OfFile extends HivemindCommand implements Runnable {

        @Parameters(paramLabel = "FILE", description = "Where it is.")
        @SuppressWarnings("NullAway.Init")
        private Path file;

        @Mixin
        private JsonOption json = new JsonOption();

        abstract PeerIdentity identity(Path file);

        @Override
        public void run() {
            PeerIdentity identity = identity(file);
            String publicKey = HexFormat.of().formatHex(identity.publicKey());
            if (json.isGiven()) {
                Map<String, Object> fields = new LinkedHashMap<>();
                fields.put("peerId", identity.id());
                fields.put("publicKey", publicKey);
                new JsonLines(System.out).write(fields);
            } else {
                say("Peer id     " + identity.id());
                say("Public key  " + publicKey);
            }
        }
    }

    @Command(
            name = "new",
            description = "Make a new identity in a file that does not exist yet, and show it.",
            footer = "%nExample: hivemind identity new peer.key")
    private static final class New extends OfFile {

        @Override
        PeerIdentity identity(Path file) {
            return IdentityFile.create(file);
        }
    }

    @Command(
            name = "show",
            description = "Show who the identity in a file is.",
            footer = "%nExample: hivemind identity show peer.key")
    private static final class Show extends OfFile {

        @Override
        PeerIdentity identity(Path file) {
            return IdentityFile.read(file);
        }
    }
}
