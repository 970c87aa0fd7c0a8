package dev.hivemind.moe.mixture;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.Backoff;
import dev.hivemind.moe.gating.Availability;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who failed of late, and is left alone for a while: peers that do not answer, with all their experts, and experts that
 * answer nonsense, or are late while their peer answers for others. An expert that several peers host is left alone at
 * the one that failed. Nobody is blamed for what the caller did: calls that had hardly any time, and samples that cannot
 * be computed. Each is reported when it begins to fail, and not again before it has answered. Thread-safe.
 */
final class SwarmHealth implements Availability {

    private static final Logger LOG = LoggerFactory.getLogger(SwarmHealth.class);

    /** One of so many parts of its time is enough for a call. */
    private static final int FAIR_PART = 4;

    /** So many times in a row a peer may be late, as far as nobody misses it. */
    private static final int STALLS = 3;

    private static final int MAX_SUSPECTS = 10_000;

    private final Backoff<PeerId> peers;
    private final Backoff<Replica> replicas;
    private final Cache<PeerId, Integer> stalls = Caffeine.newBuilder()
            .maximumSize(MAX_SUSPECTS)
            .executor(Runnable::run)
            .build();

    SwarmHealth(LongSupplier nanoClock) {
        this.peers = new Backoff<>(nanoClock);
        this.replicas = new Backoff<>(nanoClock);
    }

    @Override
    public boolean isAvailable(PeerId peer) {
        return !peers.isBanned(peer);
    }

    @Override
    public boolean isAvailable(ExpertUid expert, PeerId peer) {
        return !replicas.isBanned(new Replica(expert, peer));
    }

    @Override
    public Duration banOf(PeerId peer) {
        return peers.remaining(peer);
    }

    @Override
    public Duration banOf(ExpertUid expert, PeerId peer) {
        return replicas.remaining(new Replica(expert, peer));
    }

    /**
     * A pass of a batch has ended.
     *
     * @param timeout what the pass was allowed; who had less than a part of that is not blamed for being late, and nobody is
     *     for what came of calls that did not get so far as to ask anybody
     */
    void passed(List<Answer> answers, List<Failure> failures, Duration timeout) {
        Set<PeerId> present = new HashSet<>();
        for (Answer answer : answers) {
            present.add(answer.peer());
            answered(Replica.of(answer));
        }
        long fairNanos = timeout.toNanos() / FAIR_PART;
        Map<PeerId, Failure> spared = new HashMap<>();
        for (Failure failure : failures) {
            if (!failure.wasAsked()) {
                continue;
            }
            if (!failure.dispensable()) {
                failed(failure, present, fairNanos);
            } else if (failure.peerNanos() >= failure.nanos() / FAIR_PART) {
                spared.putIfAbsent(failure.peer(), failure);
            }
        }
        spared.keySet().removeAll(present);
        spared.forEach(this::spared);
    }

    private void answered(Replica replica) {
        stalls.invalidate(replica.peer);
        boolean peerIsBack = peers.succeeded(replica.peer);
        boolean expertIsBack = replicas.succeeded(replica);
        if (peerIsBack || expertIsBack) {
            LOG.info("{} answers again", replica);
        }
    }

    private void failed(Failure failure, Set<PeerId> present, long fairNanos) {
        RpcException error = failure.error();
        if (error instanceof DeadlineExceededException) {
            if (failure.peerNanos() >= fairNanos && present.contains(failure.peer())) {
                blameExpert(failure);
            } else if (failure.peerNanos() >= fairNanos) {
                blamePeer(failure);
            }
        } else if (isUseless(error) || (error instanceof SchemaMismatchException && !present.isEmpty())) {
            blameExpert(failure);
        } else if (error instanceof PeerUnavailableException) {
            blamePeer(failure);
        }
    }

    /**
     * Whether no call will do better. What an expert could not compute may be the fault of the samples, unless it is found
     * here that the answer cannot be.
     */
    private static boolean isUseless(RpcException error) {
        return error instanceof ProtocolViolationException
                || error.getCause() instanceof ProtocolViolationException
                || error instanceof UnknownExpertException
                || error.getCause() instanceof UnknownExpertException
                || error instanceof UnauthorizedException
                || error instanceof IncompatiblePeerException;
    }

    /** Late where that did no harm. */
    private void spared(PeerId peer, Failure failure) {
        if (stalls.asMap().merge(peer, 1, Integer::sum) >= STALLS) {
            stalls.invalidate(peer);
            blamePeer(failure);
        }
    }

    private void blamePeer(Failure failure) {
        tell(failure, peers.failed(failure.peer()));
    }

    private void blameExpert(Failure failure) {
        tell(failure, replicas.failed(Replica.of(failure)));
    }

    private static void tell(Failure failure, boolean first) {
        Replica replica = Replica.of(failure);
        if (first) {
            LOG.warn(
                    "{} is done without for a while: {}",
                    replica,
                    failure.error().getMessage());
        } else {
            LOG.debug("{} failed", replica, failure.error());
        }
    }

    /** An expert at one of the peers that host it. */
    private record Replica(ExpertUid uid, PeerId peer) {

        static Replica of(Answer answer) {
            return new Replica(answer.group().handle().uid(), answer.peer());
        }

        static Replica of(Failure failure) {
            return new Replica(failure.group().handle().uid(), failure.peer());
        }

        @Override
        public String toString() {
            return "Expert " + uid + " at " + peer.toShortString();
        }
    }
}
