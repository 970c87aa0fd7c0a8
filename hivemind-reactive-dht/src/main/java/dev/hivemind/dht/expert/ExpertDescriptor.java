package dev.hivemind.dht.expert;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.hivemind.dht.expert.ExpertStatus.State;
import dev.hivemind.dht.proto.ExpertDescriptorMessage;
import dev.hivemind.dht.proto.ExpertState;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.ArrayList;
import java.util.List;

/**
 * Who hosts an expert.
 *
 * @param uid the expert
 * @param peerId its owner
 * @param addresses where the owner listens, 1 to {@value Contact#MAX_ADDRESSES}
 */
public record ExpertDescriptor(ExpertUid uid, PeerId peerId, List<PeerAddress> addresses, ExpertStatus status) {

    public ExpertDescriptor {
        requireNonNull(uid, "uid");
        requireNonNull(peerId, "peerId");
        requireNonNull(status, "status");
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty() || addresses.size() > Contact.MAX_ADDRESSES) {
            throw new IllegalArgumentException(
                    "The owner of an expert has 1 to %d addresses".formatted(Contact.MAX_ADDRESSES));
        }
    }

    /** An expert of which nothing else is known. */
    public ExpertDescriptor(ExpertUid uid, PeerId peerId, List<PeerAddress> addresses) {
        this(uid, peerId, addresses, ExpertStatus.DEFAULT);
    }

    /** The descriptor as the value of a record. */
    ByteString toBytes() {
        return ExpertDescriptorMessage.newBuilder()
                .setUid(uid.value())
                .setPeerId(ByteString.copyFrom(peerId.toBytes()))
                .addAllAddresses(addresses.stream().map(PeerAddress::toString).toList())
                .setSchemaHash(status.schemaHash())
                .setState(toMessage(status.state()))
                .setLoad(status.load())
                .setTrainable(status.trainable())
                .build()
                .toByteString();
    }

    /**
     * Reads the value of a record.
     *
     * @throws IllegalArgumentException if it is no descriptor
     */
    static ExpertDescriptor fromBytes(ByteString bytes) {
        try {
            ExpertDescriptorMessage message = ExpertDescriptorMessage.parseFrom(bytes);
            return new ExpertDescriptor(
                    new ExpertUid(message.getUid()),
                    PeerId.fromBytes(message.getPeerId().toByteArray()),
                    addresses(message),
                    status(message));
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalArgumentException("The value is not an expert descriptor", e);
        }
    }

    /** A state of later versions counts as draining: such an expert is called only where there is no other. */
    private static ExpertStatus status(ExpertDescriptorMessage message) {
        return new ExpertStatus(
                toState(message.getState()), message.getLoad(), message.getTrainable(), message.getSchemaHash());
    }

    private static State toState(ExpertState state) {
        return switch (state) {
            case EXPERT_STATE_ONLINE -> State.ONLINE;
            case EXPERT_STATE_JOINING -> State.JOINING;
            case EXPERT_STATE_DRAINING, UNRECOGNIZED -> State.DRAINING;
        };
    }

    private static ExpertState toMessage(State state) {
        return switch (state) {
            case ONLINE -> ExpertState.EXPERT_STATE_ONLINE;
            case JOINING -> ExpertState.EXPERT_STATE_JOINING;
            case DRAINING -> ExpertState.EXPERT_STATE_DRAINING;
        };
    }

    private static List<PeerAddress> addresses(ExpertDescriptorMessage message) {
        if (message.getAddressesCount() > Contact.MAX_ADDRESSES) {
            throw new IllegalArgumentException("The descriptor has too many addresses");
        }
        List<PeerAddress> addresses = new ArrayList<>();
        for (String text : message.getAddressesList()) {
            addresses.add(PeerAddress.parse(text));
        }
        return addresses;
    }
}
