package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hivemind identity}: makes and shows the keys by which peers know each other. */
@Command(
        name = "identity",
        description = "Make or show the private key of a peer, which decides its id.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind identity new peer.key, then hivemind server --identity-path peer.key")
public final class IdentityCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "A command is missing, 'new' or 'show'");
    }

    @Command(
            name = "new",
            description = "Make a new identity in a file that does not exist yet, and show it.",
            mixinStandardHelpOptions = true,
            versionProvider = LauncherVersion.class,
            sortOptions = false,
            usageHelpAutoWidth = true,
            footer = "%nExample: hivemind identity new peer.key")
    void create(
            @Parameters(paramLabel = "FILE", description = "Where to write it.") Path file,
            @Option(names = "--json", description = "Print a JSON object instead of text.") boolean json) {
        show(IdentityFile.create(file), json);
    }

    @Command(
            name = "show",
            description = "Show who the identity in a file is.",
            mixinStandardHelpOptions = true,
            versionProvider = LauncherVersion.class,
            sortOptions = false,
            usageHelpAutoWidth = true,
            footer = "%nExample: hivemind identity show peer.key")
    void show(
            @Parameters(paramLabel = "FILE", description = "Where it is.") Path file,
            @Option(names = "--json", description = "Print a JSON object instead of text.") boolean json) {
        show(IdentityFile.read(file), json);
    }

    private void show(PeerIdentity identity, boolean json) {
        String publicKey = HexFormat.of().formatHex(identity.publicKey());
        if (json) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("peerId", identity.id());
            fields.put("publicKey", publicKey);
            new JsonLines(System.out).write(fields);
        } else {
            var out = spec.commandLine().getOut();
            out.printf("Peer id     %s%nPublic key  %s%n", identity.id(), publicKey);
            out.flush();
        }
    }
}
