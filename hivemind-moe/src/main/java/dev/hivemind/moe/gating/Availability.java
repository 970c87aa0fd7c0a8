package dev.hivemind.moe.gating;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.List;

/** Who may be called now. To be answered at once, by any thread. */
public interface Availability {

    /** Everybody may be called. */
    Availability EVERYBODY = new Availability() {
        @Override
        public boolean isAvailable(PeerId peer) {
            return true;
        }

        @Override
        public boolean isAvailable(ExpertUid expert) {
            return true;
        }
    };

    /** Whether the experts of this peer may be called. */
    boolean isAvailable(PeerId peer);

    /** Whether this expert may be called, at a peer that may. */
    boolean isAvailable(ExpertUid expert);

    /** Whether an owner of this kind can be called for this very expert. */
    private boolean allows(ExpertDescriptor expert) {
        return isAvailable(expert.peerId()) && isAvailable(expert.uid());
    }

    /** Whether an expert can be called at any of its owners. One that learns is called at its latest owner alone. */
    default boolean allows(List<ExpertDescriptor> owners) {
        return allows(owners.get(0))
                || (!owners.get(0).status().trainable() && owners.stream().anyMatch(this::allows));
    }

    /** The owners of an allowed expert, those that cannot be called left out. */
    default List<ExpertDescriptor> allowed(List<ExpertDescriptor> owners) {
        return owners.size() == 1 || allows(owners.get(0))
                ? owners
                : owners.stream().filter(this::allows).toList();
    }

    /** Whether anybody of those who have experts in one part of a grid can be called. The DHT does not list many. */
    default boolean allowsAny(List<ExpertDescriptor> exemplars) {
        return exemplars.size() >= DictionaryRecord.MAX_OWNERS
                || exemplars.stream().anyMatch(exemplar -> isAvailable(exemplar.peerId()));
    }
}
