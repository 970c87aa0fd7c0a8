package dev.hivemind.moe.gating;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;

/**
 * Who may be called now, and who of the others is tried first where nobody may. To be answered at once, by any thread; a
 * {@link BeamSearch} asks once for each peer and expert, and keeps to the answer.
 */
public interface Availability {

    /** A ban that never ends. */
    Duration FOR_GOOD = Duration.ofSeconds(Long.MAX_VALUE);

    /** Everybody may be called. */
    Availability EVERYBODY = new Availability() {
        @Override
        public boolean isAvailable(PeerId peer) {
            return true;
        }

        @Override
        public boolean isAvailable(ExpertUid expert, PeerId peer) {
            return true;
        }
    };

    /** Whether the experts of this peer may be called. */
    boolean isAvailable(PeerId peer);

    /** Whether this expert may be called at this peer, if the peer may. Other peers may host the same expert. */
    boolean isAvailable(ExpertUid expert, PeerId peer);

    /**
     * For how much longer the experts of this peer are left alone; zero for a peer that may be called. Where nobody may
     * be, those are that have the least left. Default: {@link #FOR_GOOD}, for whom that is no way out either.
     */
    default Duration banOf(PeerId peer) {
        return isAvailable(peer) ? Duration.ZERO : FOR_GOOD;
    }

    /** {@link #banOf(PeerId)} for an expert at a peer that may be called. */
    default Duration banOf(ExpertUid expert, PeerId peer) {
        return isAvailable(expert, peer) ? Duration.ZERO : FOR_GOOD;
    }
}
