package dev.hivemind.rsocket;

import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.RSocket;

/**
 * One connection, seen from above RSocket.
 *
 * @param rsocket what the calls to the other side go through
 * @param window what bulk waits for
 * @param activity the calls under way
 * @param meters what its calls are measured by
 * @param roundTrip how far away the other side is
 */
record Link(RSocket rsocket, SendWindow window, LinkActivity activity, CallMeters meters, RoundTrip roundTrip) {

    Link(RSocket rsocket, SendWindow window, LinkActivity activity, CallMeters meters) {
        this(rsocket, window, activity, meters, new RoundTrip(meters));
    }
}
