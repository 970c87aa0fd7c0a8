package dev.hivemind.launcher;

import picocli.CommandLine.IVersionProvider;

/** The version that {@code --version} prints: the jar's own, and the running Java's. */
final class LauncherVersion implements IVersionProvider {

    private static final String UNPACKAGED = "(unpackaged)";

    @Override
    public String[] getVersion() {
        String version = Hivemind.class.getPackage().getImplementationVersion();
        return new String[] {
            "hivemind %s (Java %s)".formatted(version == null ? UNPACKAGED : version, Runtime.version())
        };
    }
}
