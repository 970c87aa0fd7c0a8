package dev.hivemind.moe.gating;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Lines of a grid, asked of the DHT once for all that want them at one time, and remembered for a while. That there is
 * nothing below a prefix is remembered here alone, and for a shorter while. A line that was known is used on when the DHT
 * does not answer in time; its question goes on meanwhile. Bounded and thread-safe.
 */
final class CachedLines {

    private static final int MAX_LINES = 65_536;

    private final Function<ExpertPrefix, Mono<Line>> source;
    private final Lifetimes lifetimes;
    private final LongSupplier nanoClock;
    private final Cache<ExpertPrefix, Entry> entries =
            Caffeine.newBuilder().maximumSize(MAX_LINES).executor(Runnable::run).build();

    CachedLines(
            ExpertGrid grid,
            Function<ExpertPrefix, Mono<SortedMap<Integer, List<ExpertDescriptor>>>> source,
            Lifetimes lifetimes,
            LongSupplier nanoClock) {
        this.source = prefix -> source.apply(prefix).map(found -> Line.of(grid, prefix, found));
        this.lifetimes = lifetimes;
        this.nanoClock = nanoClock;
    }

    Mono<Line> get(ExpertPrefix prefix) {
        return entries.get(prefix, Entry::new).line();
    }

    /** The line, or an empty one if nothing is known of it that soon, which is not remembered. */
    Mono<Line> getOrNothing(ExpertPrefix prefix) {
        Entry entry = entries.get(prefix, Entry::new);
        return entry.isCold()
                ? entry.line().timeout(lifetimes.patience(), Mono.fromSupplier(() -> Line.empty(prefix)))
                : entry.line();
    }

    private record Known(Line line, long expiresAt) {}

    private final class Entry {

        private final Mono<Known> fetched;
        private volatile @Nullable Known last;

        Entry(ExpertPrefix prefix) {
            this.fetched =
                    Mono.defer(() -> source.apply(prefix)).map(this::remember).cacheInvalidateIf(this::isExpired);
        }

        boolean isCold() {
            return last == null;
        }

        Mono<Line> line() {
            Known known = last;
            if (known != null && !isExpired(known)) {
                return Mono.just(known.line);
            }
            return known == null ? fetched.map(Known::line) : freshOr(known.line);
        }

        private Mono<Line> freshOr(Line old) {
            return fetched.map(Known::line)
                    .timeout(lifetimes.patience())
                    .onErrorReturn(TimeoutException.class, old)
                    .onErrorReturn(RpcTransientException.class, old);
        }

        private Known remember(Line line) {
            Duration lifetime = line.isEmpty() ? lifetimes.nothing() : lifetimes.found();
            var known = new Known(line, nanoClock.getAsLong() + lifetime.toNanos());
            last = known;
            return known;
        }

        private boolean isExpired(Known known) {
            return known.expiresAt - nanoClock.getAsLong() <= 0;
        }
    }
}
