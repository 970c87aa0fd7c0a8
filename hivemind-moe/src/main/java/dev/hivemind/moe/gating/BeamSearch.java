package dev.hivemind.moe.gating;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import java.util.List;
import java.util.SortedMap;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Finds the experts of a grid that have the highest scores, of those that live (Ryabinin and Gusev 2020, section 3.2).
 *
 * <p>Dimension by dimension, each row keeps the best prefixes that lead to living experts, as many as experts are
 * wanted, and goes on below those alone. So the result is exact whenever the prefixes of the best experts are among
 * them, and always in one dimension. A row whose prefixes turn out to lead to too few takes the experts by which those
 * prefixes were declared.
 *
 * <p>All rows of a batch are searched together: the DHT is asked once for each distinct prefix, and for none that was
 * asked a short while ago. Safe for use from any thread. No tensor is touched.
 */
public final class BeamSearch {

    private static final Logger LOG = LoggerFactory.getLogger(BeamSearch.class);

    /** Prefixes that one search asks the DHT for at once. */
    private static final int MAX_FETCHES = 32;

    private final ExpertGrid grid;
    private final CachedLines lines;

    private BeamSearch(ExpertGrid grid, CachedLines lines) {
        this.grid = grid;
        this.lines = lines;
    }

    /** A search in a directory. */
    public static BeamSearch create(ExpertGrid grid, ExpertDirectory directory, Lifetimes lifetimes) {
        requireNonNull(directory, "directory");
        return create(grid, directory::owners, lifetimes, System::nanoTime);
    }

    static BeamSearch create(
            ExpertGrid grid,
            Function<ExpertPrefix, Mono<SortedMap<Integer, List<ExpertDescriptor>>>> owners,
            Lifetimes lifetimes,
            LongSupplier nanoClock) {
        requireNonNull(grid, "grid");
        requireNonNull(lifetimes, "lifetimes");
        return new BeamSearch(grid, new CachedLines(grid, owners, lifetimes, nanoClock));
    }

    /** Where this searches. */
    public ExpertGrid grid() {
        return grid;
    }

    /** {@link #find(float[], int, Availability)} among all experts. */
    public Mono<Routing> find(float[] scores, int kBest) {
        return find(scores, kBest, Availability.EVERYBODY);
    }

    /**
     * The best experts for every row of scores. Cold; cancellation lets questions to the DHT that are under way go on.
     *
     * <p>Errors: {@link PeerUnavailableException} if no expert is declared, or nobody may ever be called;
     * {@link GridMismatchException} if none of those that are declared lies in the grid; others of
     * {@link ExpertDirectory#owners}. What is not known of a prefix in the middle of the grid is an error for nobody:
     * the rows do without.
     *
     * @param scores rows of {@link ExpertGrid#scores()} numbers; an index of negative infinity is never chosen, and a row
     *     with a score that is not a number, or is infinite, gets nobody
     * @param kBest experts wanted per row
     * @param availability who may be called
     * @throws IllegalArgumentException if there are no whole rows, or more experts wanted than the grid can hold
     */
    public Mono<Routing> find(float[] scores, int kBest, Availability availability) {
        requireNonNull(availability, "availability");
        grid.requireHolds(kBest);
        int rows = grid.rows(scores);
        return lines.get(grid.prefix()).flatMap(first -> {
            var search = new Search(grid, scores, rows, kBest, availability);
            search.begin(first);
            return allDimensions(search);
        });
    }

    /** Known lines end a search at once; recursion is no deeper than the grid has dimensions. */
    private Mono<Routing> allDimensions(Search search) {
        search.expand();
        return search.isLastDimension()
                ? Mono.fromSupplier(search::result)
                : fetch(search.prefixes()).doOnNext(search::descend).flatMap(found -> allDimensions(search));
    }

    /** In the order of the prefixes. */
    private Mono<List<Line>> fetch(List<ExpertPrefix> prefixes) {
        return Flux.fromIterable(prefixes)
                .flatMapSequential(this::lineOrNothing, MAX_FETCHES)
                .collectList();
    }

    private Mono<Line> lineOrNothing(ExpertPrefix prefix) {
        return lines.getOrNothing(prefix).onErrorResume(RpcException.class, error -> {
            LOG.debug("What follows {} is not known", prefix, error);
            return Mono.just(Line.empty(prefix));
        });
    }
}
