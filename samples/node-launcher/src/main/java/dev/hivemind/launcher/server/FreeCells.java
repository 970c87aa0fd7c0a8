package dev.hivemind.launcher.server;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertStatus.State;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.swarm.ExpertTree;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Cells of a grid that nobody has. A server declares that it joins the ones it drew, looks a little later who else did, and
 * draws again where it has to yield: to whoever serves a cell already, and to a joining peer with a lower id. So servers
 * that start at once end up with different cells, except when one is slower to declare than the others wait.
 */
final class FreeCells {

    /** How long after a declaration everybody else's that was under way is expected to be seen. */
    static final Duration SETTLE = Duration.ofMillis(500);

    private static final int MAX_ROUNDS = 8;
    private static final int LOOKUPS_AT_ONCE = 16;
    private static final int MAX_ENUMERATED = 1 << 16;

    private final ExpertDirectory directory;
    private final PeerId self;
    private final ExpertGrid grid;
    private final Random random;
    private final Set<ExpertUid> preferred;
    private final Set<ExpertUid> kept = new TreeSet<>();

    FreeCells(ExpertDirectory directory, PeerId self, ExpertGrid grid, Random random) {
        this(directory, self, grid, random, Set.of());
    }

    private FreeCells(
            ExpertDirectory directory, PeerId self, ExpertGrid grid, Random random, Set<ExpertUid> preferred) {
        this.directory = directory;
        this.self = self;
        this.grid = grid;
        this.random = random;
        this.preferred = preferred;
    }

    /** The same, but these come before others, as long as they are free cells. */
    FreeCells preferring(Set<ExpertUid> cells) {
        Set<ExpertUid> inGrid = cells.stream().filter(grid::contains).collect(Collectors.toCollection(TreeSet::new));
        return new FreeCells(directory, self, grid, random, inGrid);
    }

    /**
     * Takes so many cells, and declares that this peer joins them. To be subscribed to once.
     *
     * <p>Errors: {@link LauncherException} if there are not as many, besides those of the directory.
     *
     * @param ttl how long others see the declaration
     */
    Mono<List<ExpertUid>> claim(int count, Duration ttl) {
        return claim(count, ttl, MAX_ROUNDS).then(Mono.fromCallable(() -> List.copyOf(kept)));
    }

    private Mono<Void> claim(int count, Duration ttl, int rounds) {
        if (rounds == 0) {
            return Mono.error(new LauncherException(
                    "Too many servers choose cells of %s at once: start this one again".formatted(grid)));
        }
        return taken().map(taken -> draw(count, taken))
                .flatMap(drawn -> declare(drawn, ttl)
                        .then(Mono.delay(SETTLE))
                        .then(Mono.defer(() -> lost(drawn)))
                        .flatMap(lost -> giveUp(drawn, lost, ttl))
                        .flatMap(lost -> lost.isEmpty() ? Mono.<Void>empty() : claim(lost.size(), ttl, rounds - 1)));
    }

    /** By others: what this peer declared is left from when it ran before. */
    private Mono<Set<ExpertUid>> taken() {
        return ExpertTree.below(grid.prefix(), directory)
                .filter(expert -> !expert.peerId().equals(self))
                .map(ExpertDescriptor::uid)
                .collect(Collectors.toSet());
    }

    private List<ExpertUid> draw(int count, Set<ExpertUid> taken) {
        Set<ExpertUid> free = new LinkedHashSet<>();
        preferred.forEach(cell -> addIfFree(free, cell, taken));
        if (grid.cells() <= MAX_ENUMERATED) {
            List<ExpertUid> others = new ArrayList<>();
            for (int cell = 0; cell < grid.cells(); cell++) {
                addIfFree(others, grid.cell(cell), taken);
            }
            Collections.shuffle(others, random);
            free.addAll(others);
        } else {
            for (int i = 0; i < MAX_ENUMERATED && free.size() < count; i++) {
                addIfFree(free, grid.cell(random.nextLong(grid.cells())), taken);
            }
        }
        if (free.size() < count) {
            throw new LauncherException(
                    "%s has %d free cells, too few for %d experts: choose a larger --expert-pattern,"
                                    .formatted(grid, free.size(), count)
                            + " or fewer --num-experts");
        }
        return free.stream().limit(count).toList();
    }

    private void addIfFree(Collection<ExpertUid> free, ExpertUid cell, Set<ExpertUid> taken) {
        if (!taken.contains(cell) && !kept.contains(cell)) {
            free.add(cell);
        }
    }

    private Mono<?> declare(Collection<ExpertUid> cells, Duration ttl) {
        Map<ExpertUid, ExpertStatus> joining = new LinkedHashMap<>();
        cells.forEach(cell -> joining.put(cell, ExpertStatus.DEFAULT.with(State.JOINING)));
        return directory.declare(joining, ttl);
    }

    private Mono<Set<ExpertUid>> lost(Collection<ExpertUid> cells) {
        return Flux.fromIterable(cells)
                .flatMap(cell -> directory.find(cell).filter(this::goesFirst), LOOKUPS_AT_ONCE)
                .map(ExpertDescriptor::uid)
                .collect(Collectors.toSet());
    }

    private boolean goesFirst(ExpertDescriptor owner) {
        int order = owner.peerId().compareTo(self);
        return order != 0 && (order < 0 || owner.status().state() != State.JOINING);
    }

    private Mono<Set<ExpertUid>> giveUp(Collection<ExpertUid> drawn, Set<ExpertUid> lost, Duration ttl) {
        drawn.stream().filter(cell -> !lost.contains(cell)).forEach(kept::add);
        return lost.isEmpty() ? Mono.just(lost) : directory.withdraw(lost, ttl).thenReturn(lost);
    }
}
