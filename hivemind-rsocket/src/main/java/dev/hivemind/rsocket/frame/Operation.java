package dev.hivemind.rsocket.frame;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What a call asks for. Ids are part of the protocol and never reused; an unknown one is refused. */
public enum Operation {
    /** Set-up of a connection: exchange of identities and proofs. */
    HELLO(1),
    /** Nobody waits any more for the answer to the call of this id, which travels on a channel. Has no answer itself. */
    CANCEL(2),
    /** The schema of an expert. */
    EXPERT_INFO(16),
    /** Outputs of an expert for given inputs. */
    EXPERT_FORWARD(17),
    /** Gradients of an expert's inputs for given inputs and output gradients; trains the expert. */
    EXPERT_BACKWARD(18),
    /** Is the peer a DHT node, and what time does it have? */
    DHT_PING(32),
    /** Records of, and contacts closest to, given DHT ids. */
    DHT_FIND(33),
    /** Keep records for others. */
    DHT_STORE(34),
    /** Records of a DHT id now and whenever they change, as a subscription. */
    DHT_WATCH(35),
    /** What happens at the peer, as a subscription. */
    EVENTS(48),
    /** Whoever listens may subscribe to the caller's events over this connection, as a subscription. */
    EVENTS_OFFER(49);

    private static final Map<Integer, Operation> BY_WIRE_ID =
            Arrays.stream(values()).collect(Collectors.toMap(Operation::wireId, Function.identity()));

    private final int wireId;

    Operation(int wireId) {
        this.wireId = wireId;
    }

    /** The number that stands for this operation in a header. */
    public int wireId() {
        return wireId;
    }

    /**
     * The operation with this wire id.
     *
     * @throws ProtocolViolationException if there is none
     */
    public static Operation ofWireId(int wireId) {
        Operation operation = BY_WIRE_ID.get(wireId);
        if (operation == null) {
            throw new ProtocolViolationException("Unknown operation " + wireId);
        }
        return operation;
    }
}
