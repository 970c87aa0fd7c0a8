package dev.hivemind.dashboard.history;

import dev.hivemind.dashboard.history.SwarmView.ExpertView;
import dev.hivemind.dashboard.history.SwarmView.GridView;
import dev.hivemind.dashboard.history.SwarmView.LinkView;
import dev.hivemind.dashboard.history.SwarmView.NodeView;
import dev.hivemind.dashboard.history.SwarmView.RunView;
import dev.hivemind.dashboard.history.SwarmView.UsageView;
import dev.hivemind.dht.expert.ExpertStatus;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Draws what is shown of a history at one moment. */
final class SwarmPainter {

    static final int MAX_LINKS = 2_000;

    private final long now;
    private final String self;
    private final Nodes nodes;
    private final Experts experts;
    private final Trainers trainers;
    private final Map<String, List<ExpertHistory>> owned = new HashMap<>();

    SwarmPainter(long now, String self, Nodes nodes, Experts experts, Trainers trainers) {
        this.now = now;
        this.self = self;
        this.nodes = nodes;
        this.experts = experts;
        this.trainers = trainers;
        experts.all()
                .forEach(expert -> expert.owners()
                        .forEach(owner -> owned.computeIfAbsent(owner, unknown -> new ArrayList<>())
                                .add(expert)));
    }

    List<NodeView> nodes() {
        return nodes.all().stream().map(this::node).toList();
    }

    private NodeView node(NodeHistory node) {
        List<ExpertHistory> hosts = owned.getOrDefault(node.id(), List.of());
        return new NodeView(
                node.id(),
                node.addresses(),
                node.role().told(),
                state(node, hosts),
                load(node, hosts),
                node.roundTripMillis(),
                hosts.size(),
                node.feed().name().toLowerCase(Locale.ROOT),
                Figures.rounded(node.rows().perSecond(now)),
                Figures.rounded(node.failures().perSecond(now)),
                node.firstSeen(),
                node.lastSeen(),
                node.knows());
    }

    private static String state(NodeHistory node, List<ExpertHistory> hosts) {
        if (node.isGone()) {
            return "gone";
        }
        if (node.isOutOfReach()) {
            return "unreachable";
        }
        return hosts.stream()
                .map(expert -> expert.state(node.id()))
                .filter(state -> state != null)
                .min(ExpertStatus.State::compareTo)
                .map(state -> state.name().toLowerCase(Locale.ROOT))
                .orElse("online");
    }

    private static @Nullable Double load(NodeHistory node, List<ExpertHistory> hosts) {
        return hosts.stream()
                .map(expert -> expert.load(node.id()))
                .filter(load -> load != null)
                .max(Comparator.naturalOrder())
                .map(Figures::rounded)
                .orElse(null);
    }

    /** First what moves, then who knows whom. */
    List<LinkView> links() {
        List<LinkView> links = new ArrayList<>();
        trainers.all().forEach((id, trainer) -> {
            if (nodes.find(id) != null) {
                links.add(new LinkView(id, self, "reports", trainer.reportsPerSecond(now)));
                trainer.calls(now).forEach((peer, rate) -> links.add(new LinkView(id, peer, "calls", rate)));
            }
        });
        for (NodeHistory node : nodes.all()) {
            for (String other : node.known()) {
                if (nodes.find(other) != null) {
                    links.add(new LinkView(node.id(), other, "knows", 0));
                }
            }
        }
        return links.size() <= MAX_LINKS ? links : List.copyOf(links.subList(0, MAX_LINKS));
    }

    List<GridView> grids() {
        double allRows = experts.all().stream()
                .mapToDouble(expert -> expert.usedRows(now))
                .sum();
        SortedMap<Experts.GridKey, List<ExpertView>> grids =
                new TreeMap<>(Comparator.comparing(Experts.GridKey::prefix).thenComparing(Experts.GridKey::dimensions));
        experts.all()
                .forEach(expert -> grids.computeIfAbsent(Experts.GridKey.of(expert.uid()), unknown -> new ArrayList<>())
                        .add(expert(expert, allRows)));
        return grids.entrySet().stream()
                .map(grid -> grid(grid.getKey(), grid.getValue()))
                .toList();
    }

    private GridView grid(Experts.GridKey key, List<ExpertView> cells) {
        List<Integer> told = experts.size(key);
        List<Integer> dimensions = new ArrayList<>();
        for (int i = 0; i < key.dimensions(); i++) {
            int dimension = i;
            int largest = cells.stream()
                    .mapToInt(cell -> cell.cell().get(dimension))
                    .max()
                    .orElse(0);
            int seen = 1 + largest;
            dimensions.add(told.isEmpty() ? seen : Math.max(seen, told.get(i)));
        }
        List<ExpertView> ordered = cells.stream().sorted(SwarmPainter::byCell).toList();
        List<Integer> painted = Experts.isTooLarge(dimensions) ? List.of() : dimensions;
        return new GridView(PlainText.of(key.prefix(), Integer.MAX_VALUE), painted, ordered);
    }

    private static int byCell(ExpertView one, ExpertView other) {
        for (int i = 0; i < one.cell().size(); i++) {
            int order = Integer.compare(one.cell().get(i), other.cell().get(i));
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    private ExpertView expert(ExpertHistory expert, double allRows) {
        return new ExpertView(
                PlainText.of(expert.uid().value(), Integer.MAX_VALUE),
                expert.uid().coordinates(),
                expert.state(nodes::isInReach),
                expert.isTrainable(),
                expert.owners(),
                expert.rowsPerSecond(now),
                expert.queueMillis(now),
                expert.computeMillis(now),
                Figures.share(expert.usedRows(now), allRows),
                expert.failuresPerSecond(now),
                expert.rejectionsPerSecond(now),
                expert.failures(),
                expert.rejections(),
                expert.updates());
    }

    List<RunView> runs(Collection<RunHistory> runs) {
        return runs.stream().map(this::run).toList();
    }

    private RunView run(RunHistory run) {
        Trainers.Trainer trainer = trainers.find(run.source());
        return trainer == null ? run.view(null, List.of()) : run.view(trainer.gateEntropy(), usage(trainer));
    }

    private List<UsageView> usage(Trainers.Trainer trainer) {
        return trainer.usage(now);
    }
}
