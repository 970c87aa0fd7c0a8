package dev.hivemind.rsocket.frame;

import static java.util.Objects.requireNonNull;

/**
 * What all calls of a stream have in common.
 *
 * @param operation what is asked for
 * @param target the expert uid; empty for operations on the peer itself
 */
public record Route(Operation operation, String target) {

    public Route {
        requireNonNull(operation, "operation");
        requireNonNull(target, "target");
    }

    /** Whether a call of this header takes this route. */
    public boolean matches(FrameHeader header) {
        return header.operation() == operation && header.target().equals(target);
    }
}
