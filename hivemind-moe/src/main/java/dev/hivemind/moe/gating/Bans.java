package dev.hivemind.moe.gating;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What an {@link Availability} says, as far as one search asks: it answers once for each peer and expert, so that a
 * search does not contradict itself while bans begin and end. Where nobody may be called, those are whose bans end first.
 * Used by one thread at a time.
 */
final class Bans {

    private final Availability availability;
    private final Map<PeerId, Duration> peers = new HashMap<>();
    private final Map<Replica, Duration> replicas = new HashMap<>();
    private Duration tolerated = Duration.ZERO;

    Bans(Availability availability) {
        this.availability = availability;
    }

    private Duration of(PeerId peer) {
        return peers.computeIfAbsent(peer, availability::banOf);
    }

    private Duration of(ExpertDescriptor expert) {
        Duration its = replicas.computeIfAbsent(
                new Replica(expert.uid(), expert.peerId()), key -> availability.banOf(key.uid, key.peer));
        return longer(of(expert.peerId()), its);
    }

    private static Duration longer(Duration a, Duration b) {
        return a.compareTo(b) >= 0 ? a : b;
    }

    /** Until an expert can be called at any of its owners. One that learns is called at its latest owner alone. */
    private Duration ofExpert(List<ExpertDescriptor> owners) {
        ExpertDescriptor latest = owners.get(0);
        if (latest.status().trainable()) {
            return of(latest);
        }
        Duration shortest = Availability.FOR_GOOD;
        for (ExpertDescriptor owner : owners) {
            shortest = shorter(shortest, of(owner));
        }
        return shortest;
    }

    /** Until anybody of those who have experts in one part of a grid can be called. The DHT does not list many. */
    private Duration ofPart(List<ExpertDescriptor> exemplars) {
        if (exemplars.size() >= DictionaryRecord.MAX_OWNERS) {
            return Duration.ZERO;
        }
        Duration shortest = Availability.FOR_GOOD;
        for (ExpertDescriptor exemplar : exemplars) {
            shortest = shorter(shortest, of(exemplar.peerId()));
        }
        return shortest;
    }

    private static Duration shorter(Duration a, Duration b) {
        return a.compareTo(b) <= 0 ? a : b;
    }

    private boolean isTolerable(Duration ban) {
        return ban.compareTo(tolerated) <= 0;
    }

    /**
     * The places of lines at which, or below which, some expert may be called.
     *
     * @param lastDimension whether the places are those of experts, not of parts of the grid
     * @param wanted how many places with bans are opened where there is none without
     */
    boolean[][] open(List<Line> lines, boolean lastDimension, int wanted) {
        Duration[][] bans = lines.stream()
                .map(line -> line.experts().stream()
                        .map(owners -> lastDimension ? ofExpert(owners) : ofPart(owners))
                        .toArray(Duration[]::new))
                .toArray(Duration[][]::new);
        if (Stream.of(bans).flatMap(Stream::of).noneMatch(this::isTolerable)) {
            tolerateFirstToEnd(bans, wanted);
        }
        boolean[][] open = new boolean[bans.length][];
        for (int line = 0; line < open.length; line++) {
            open[line] = new boolean[bans[line].length];
            for (int place = 0; place < open[line].length; place++) {
                open[line][place] = isTolerable(bans[line][place]);
            }
        }
        return open;
    }

    private void tolerateFirstToEnd(Duration[][] bans, int wanted) {
        tolerated = Stream.of(bans)
                .flatMap(Stream::of)
                .filter(ban -> ban.compareTo(Availability.FOR_GOOD) < 0)
                .sorted()
                .limit(wanted)
                .reduce(tolerated, Bans::longer);
    }

    /** The owners of an expert that may be called, those that may not left out. */
    List<ExpertDescriptor> callable(List<ExpertDescriptor> owners) {
        return owners.size() == 1 || owners.stream().allMatch(this::isCallable)
                ? owners
                : owners.stream().filter(this::isCallable).toList();
    }

    /** Whether an expert may be called at this owner. */
    boolean isCallable(ExpertDescriptor expert) {
        return isTolerable(of(expert));
    }

    /** An expert at one of its owners. */
    private record Replica(ExpertUid uid, PeerId peer) {}
}
