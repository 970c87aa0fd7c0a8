package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A peer's private key in a file that only its owner can read: 64 hexadecimal digits. */
public final class IdentityFile {

    private static final int SEED_BYTES = 32;
    private static final int MAX_BYTES = 1_024;

    private IdentityFile() {}

    /**
     * The identity in a file, which is made with a new one if it does not exist.
     *
     * @throws LauncherException if the file is of no use
     */
    public static PeerIdentity readOrCreate(Path file) {
        return Files.exists(file) ? read(file) : create(file);
    }

    static PeerIdentity read(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw malformed(file, null);
            }
            return PeerIdentity.fromSeed(
                    HexFormat.of().parseHex(Files.readString(file).strip()));
        } catch (NoSuchFileException missing) {
            throw new LauncherException(
                    "There is no file %s. 'hivemind identity new %s' makes it".formatted(file, file), missing);
        } catch (IllegalArgumentException malformed) {
            throw malformed(file, malformed);
        } catch (IOException e) {
            throw new LauncherException("The identity %s cannot be read: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static LauncherException malformed(Path file, @Nullable Throwable cause) {
        return new LauncherException(
                "%s holds no identity, which is a line of 64 hexadecimal digits".formatted(file), cause);
    }

    static PeerIdentity create(Path file) {
        var seed = new byte[SEED_BYTES];
        new SecureRandom().nextBytes(seed);
        try {
            Path parent = file.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            write(file, HexFormat.of().formatHex(seed) + "\n");
            return PeerIdentity.fromSeed(seed);
        } catch (FileAlreadyExistsException exists) {
            throw new LauncherException("%s exists, and is not overwritten".formatted(file), exists);
        } catch (IOException e) {
            throw new LauncherException("The identity %s cannot be written: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static void write(Path file, String text) throws IOException {
        if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(file, text);
        } else {
            Files.write(file, text.getBytes(StandardCharsets.UTF_8), options());
        }
    }

    private static StandardOpenOption[] options() {
        return Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE).toArray(StandardOpenOption[]::new);
    }
}
