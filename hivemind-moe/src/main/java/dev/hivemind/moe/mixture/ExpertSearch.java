package dev.hivemind.moe.mixture;

import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.gating.BeamSearch;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.Lifetimes;
import dev.hivemind.moe.gating.Routing;
import java.util.List;
import java.util.stream.IntStream;
import reactor.core.publisher.Mono;

/**
 * Finds the best living experts of a grid for scores of your own, ready to be called. What the DHT said is remembered for
 * as long as the client's policy has it. Safe for use from any thread.
 */
public final class ExpertSearch {

    private final BeamSearch search;
    private final ExpertHandles handles;

    private ExpertSearch(BeamSearch search, ExpertHandles handles) {
        this.search = search;
        this.handles = handles;
    }

    /** A search with the eyes of a client. */
    public static ExpertSearch create(ExpertClient client, ExpertGrid grid) {
        var lifetimes = Lifetimes.of(client.policy().discoveryTimeToLive());
        return new ExpertSearch(BeamSearch.create(grid, client.directory(), lifetimes), new ExpertHandles(client));
    }

    /**
     * The best experts for every row of scores, best first; fewer where fewer live. Errors are those of
     * {@link BeamSearch#find(float[], int)}.
     *
     * @param scores rows of as many numbers as the grid has; the score of an expert is the sum over its coordinates
     * @param kBest experts wanted per row
     */
    public Mono<List<List<RemoteExpert>>> best(float[] scores, int kBest) {
        return search.find(scores, kBest).map(this::experts);
    }

    private List<List<RemoteExpert>> experts(Routing routing) {
        return IntStream.range(0, routing.rows())
                .mapToObj(row -> IntStream.range(row * routing.width(), (row + 1) * routing.width())
                        .map(slot -> routing.slots()[slot])
                        .filter(expert -> expert != Routing.NOBODY)
                        .mapToObj(expert -> handles.get(routing.experts().get(expert)))
                        .toList())
                .toList();
    }
}
