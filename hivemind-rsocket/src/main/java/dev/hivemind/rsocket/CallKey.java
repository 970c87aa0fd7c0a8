package dev.hivemind.rsocket;

import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.identity.PeerId;

/** A call of one peer, however often and over which connections it is sent. Nobody can name the calls of another peer. */
record CallKey(PeerId caller, CallId id) {}
