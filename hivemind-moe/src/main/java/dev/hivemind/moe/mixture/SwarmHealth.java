package dev.hivemind.moe.mixture;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.Backoff;
import dev.hivemind.moe.client.RemoteExpert;
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
 * answer nonsense, or are late while their peer answers for others. Nobody is blamed for what the caller did: calls that
 * had hardly any time, and samples that cannot be computed. Each is reported when it begins to fail, and not again before
 * it has answered. Thread-safe.
 */
final class SwarmHealth implements Availability {

    private static final Logger LOG = LoggerFactory.getLogger(SwarmHealth.class);

    /** One of so many parts of its time is enough for a call. */
    private static final int FAIR_PART = 4;

    /** So many times in a row somebody may be late, as far as nobody misses it. */
    private static final int STALLS = 3;

    private static final int MAX_SUSPECTS = 10_000;

    private final Backoff<PeerId> peers;
    private final Backoff<ExpertUid> experts;
    private final Cache<Object, Integer> stalls = Caffeine.newBuilder()
            .maximumSize(MAX_SUSPECTS)
            .executor(Runnable::run)
            .build();

    SwarmHealth(LongSupplier nanoClock) {
        this.peers = new Backoff<>(nanoClock);
        this.experts = new Backoff<>(nanoClock);
    }

    @Override
    public boolean isAvailable(PeerId peer) {
        return !peers.isBanned(peer);
    }

    @Override
    public boolean isAvailable(ExpertUid expert) {
        return !experts.isBanned(expert);
    }

    @Override
    public Duration banOf(PeerId peer) {
        return peers.remaining(peer);
    }

    @Override
    public Duration banOf(ExpertUid expert) {
        return experts.remaining(expert);
    }

    /**
     * A pass of a batch has ended.
     *
     * @param timeout what the pass was allowed; who had less than a part of that is not blamed for being late
     */
    void passed(List<Answer> answers, List<Failure> failures, Duration timeout) {
        Set<Object> present = new HashSet<>();
        for (Answer answer : answers) {
            RemoteExpert expert = answer.group().handle();
            present.add(suspect(expert));
            answered(expert);
        }
        long fairNanos = timeout.toNanos() / FAIR_PART;
        Map<Object, Failure> spared = new HashMap<>();
        for (Failure failure : failures) {
            if (failure.dispensable()) {
                spared.putIfAbsent(suspect(failure.group().handle()), failure);
            } else {
                failed(failure, present, fairNanos);
            }
        }
        spared.keySet().removeAll(present);
        spared.forEach(this::spared);
    }

    /**
     * Who is to blame for being silent: the peer, with all its experts. Which of several peers it was that host a frozen
     * expert is known to the client, which tries others then; here it is the expert.
     */
    private static Object suspect(RemoteExpert expert) {
        return expert.hasOneOwner() ? expert.owner() : expert.uid();
    }

    private void answered(RemoteExpert expert) {
        stalls.invalidate(suspect(expert));
        boolean peerIsBack = expert.hasOneOwner() && peers.succeeded(expert.owner());
        boolean expertIsBack = experts.succeeded(expert.uid());
        if (peerIsBack || expertIsBack) {
            LOG.info("{} answers again", expert);
        }
    }

    private void failed(Failure failure, Set<Object> present, long fairNanos) {
        RpcException error = failure.error();
        if (error instanceof DeadlineExceededException) {
            if (failure.nanos() >= fairNanos
                    && present.contains(suspect(failure.group().handle()))) {
                blameExpert(failure);
            } else if (failure.nanos() >= fairNanos) {
                blameSuspect(failure);
            }
        } else if (error instanceof PeerUnavailableException) {
            blameSuspect(failure);
        } else if (isUseless(error) || (error instanceof SchemaMismatchException && !present.isEmpty())) {
            blameExpert(failure);
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
                || error instanceof UnauthorizedException
                || error instanceof IncompatiblePeerException;
    }

    /** Late where that did no harm. */
    private void spared(Object suspect, Failure failure) {
        if (stalls.asMap().merge(suspect, 1, Integer::sum) >= STALLS) {
            stalls.invalidate(suspect);
            blameSuspect(failure);
        }
    }

    private void blameSuspect(Failure failure) {
        RemoteExpert expert = failure.group().handle();
        if (expert.hasOneOwner()) {
            tell(failure, peers.failed(expert.owner()));
        } else {
            blameExpert(failure);
        }
    }

    private void blameExpert(Failure failure) {
        tell(failure, experts.failed(failure.group().handle().uid()));
    }

    private static void tell(Failure failure, boolean first) {
        RemoteExpert expert = failure.group().handle();
        if (first) {
            LOG.warn(
                    "{} is done without for a while: {}",
                    expert,
                    failure.error().getMessage());
        } else {
            LOG.debug("{} failed", expert, failure.error());
        }
    }
}
