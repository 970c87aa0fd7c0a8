package dev.hivemind.samples.trainer;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * What {@link Pictures} is told on its command line.
 *
 * @param server that knows the experts
 * @param epochs how often each picture is learned from, at least once
 * @param directory for checkpoints and reports; null for none
 * @param resume whether to go on from the last checkpoint there
 * @param reportTo where somebody collects events; null for nowhere
 * @param patience how long a server or experts that are missing are waited for
 */
record PicturesOptions(
        PeerAddress server,
        int epochs,
        @Nullable Path directory,
        boolean resume,
        @Nullable PeerAddress reportTo,
        Duration patience) {

    static final String USAGE =
            "Usage: Pictures HOST:PORT [EPOCHS [DIRECTORY]] [--resume] [--report-to HOST:PORT] [--wait SECONDS]";

    private static final int EPOCHS = 7;
    private static final int MAX_EPOCHS = 1_000_000;
    private static final int MAX_SECONDS = 999_999_999;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** So many epochs through a server, and the defaults of everything else. */
    static PicturesOptions of(PeerAddress server, int epochs) {
        return new PicturesOptions(server, epochs, null, false, null, PATIENCE);
    }

    PicturesOptions in(Path other, boolean resumed) {
        return new PicturesOptions(server, epochs, other, resumed, reportTo, patience);
    }

    PicturesOptions reportingTo(PeerAddress collector) {
        return new PicturesOptions(server, epochs, directory, resume, collector, patience);
    }

    /** @throws IllegalArgumentException if they cannot be understood; says why */
    static PicturesOptions parse(String... arguments) {
        var words = new ArrayDeque<>(List.of(arguments));
        var positions = new ArrayDeque<String>();
        boolean resume = false;
        PeerAddress reportTo = null;
        Duration patience = PATIENCE;
        try {
            while (!words.isEmpty()) {
                String word = words.remove();
                switch (word) {
                    case "--resume" -> resume = true;
                    case "--report-to" -> reportTo = PeerAddress.parse(words.remove());
                    case "--wait" -> patience = Duration.ofSeconds(number(words.remove(), 0, MAX_SECONDS));
                    default -> positions.add(requireNoOption(word));
                }
            }
            PeerAddress server = PeerAddress.parse(positions.remove());
            int epochs = positions.isEmpty() ? EPOCHS : number(positions.remove(), 1, MAX_EPOCHS);
            Path directory = positions.isEmpty() ? null : Path.of(positions.remove());
            requireNothing(positions);
            return new PicturesOptions(server, epochs, requireDirectory(directory, resume), resume, reportTo, patience);
        } catch (NoSuchElementException missing) {
            throw new IllegalArgumentException("Something is missing", missing);
        }
    }

    private static String requireNoOption(String word) {
        if (word.startsWith("--")) {
            throw new IllegalArgumentException("There is no option '%s'".formatted(word));
        }
        return word;
    }

    private static void requireNothing(Collection<String> words) {
        if (!words.isEmpty()) {
            throw new IllegalArgumentException("'%s' is too much".formatted(String.join(" ", words)));
        }
    }

    private static @Nullable Path requireDirectory(@Nullable Path directory, boolean resume) {
        if (resume && directory == null) {
            throw new IllegalArgumentException("--resume needs the directory of the run");
        }
        return directory;
    }

    private static int number(String word, int least, int most) {
        if (word.matches("\\d{1,9}") && Integer.parseInt(word) >= least && Integer.parseInt(word) <= most) {
            return Integer.parseInt(word);
        }
        throw new IllegalArgumentException("A number from %d to %d is expected, not '%s'".formatted(least, most, word));
    }
}
