package dev.hivemind.moe.mixture;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.Backoff;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.gating.Availability;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.RpcNonTransientException;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who failed of late, and is left alone for a while: peers that do not answer, with all their experts, and experts that
 * answer nonsense. Each is reported when it begins to fail, and not again before it has answered. Thread-safe.
 */
final class SwarmHealth implements Availability {

    private static final Logger LOG = LoggerFactory.getLogger(SwarmHealth.class);

    private final Backoff<PeerId> peers;
    private final Backoff<ExpertUid> experts;

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

    void answered(RemoteExpert expert) {
        boolean peerIsBack = peers.succeeded(expert.owner());
        boolean expertIsBack = experts.succeeded(expert.uid());
        if (peerIsBack || expertIsBack) {
            LOG.info("{} answers again", expert);
        }
    }

    /** A transient error other than these is a refusal by somebody who is well. */
    void failed(RemoteExpert expert, RpcException error) {
        boolean first = false;
        if (error instanceof PeerUnavailableException || error instanceof DeadlineExceededException) {
            first = peers.failed(expert.owner());
        } else if (error instanceof RpcNonTransientException) {
            first = experts.failed(expert.uid());
        }
        if (first) {
            LOG.warn("{} is done without for a while: {}", expert, error.getMessage());
        } else {
            LOG.debug("{} failed", expert, error);
        }
    }
}
