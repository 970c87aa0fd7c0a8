package dev.hivemind.moe.tensor;

import com.sun.jna.Function;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import reactor.core.publisher.Flux;

/** The memory of this process that is in use, native memory included. On Linux with glibc. */
public final class ResidentSet {

    private ResidentSet() {}

    public static long kib() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same without garbage, and without gaps in glibc's heap. */
    public static long usedKib() {
        System.gc();
        Function.getFunction("c", "malloc_trim").invokeInt(new Object[] {0L});
        // The JVM gives free memory back in the background.
        return Flux.interval(Duration.ofMillis(100))
                .take(30)
                .map(tick -> kib())
                .reduce(Math::min)
                .block();
    }
}
