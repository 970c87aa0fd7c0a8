package dev.hivemind.launcher.options;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The versions that {@code --version} prints: of the build and its libraries, and of the running Java. */
public final class LauncherVersion implements IVersionProvider {

    private static final String UNKNOWN = "unknown";

    @Override
    public String[] getVersion() {
        Properties build = build();
        return new String[] {
            "hivemind %s (commit %s)".formatted(build.get("version"), build.get("commit")),
            "Java %s".formatted(Runtime.version()),
            "PyTorch %s, through DJL %s".formatted(build.get("pytorch"), build.get("djl")),
            "RSocket %s over TCP, Netty %s".formatted(build.get("rsocket"), build.get("netty"))
        };
    }

    /** The version of hivemind. */
    public static String number() {
        return build().getProperty("version", UNKNOWN);
    }

    /** The commit that hivemind was built from. */
    public static String commit() {
        return build().getProperty("commit", UNKNOWN);
    }

    /** What the build wrote down; loading PyTorch to ask it would take a second. */
    private static Properties build() {
        var properties = new Properties();
        try (InputStream in = LauncherVersion.class.getResourceAsStream("/hivemind-build.properties")) {
            if (in != null) {
                properties.load(in);
            }
            return properties;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
