package dev.hivemind.rsocket.error;

/** A message breaks the protocol: it cannot be decoded, or a field is outside its bounds. */
public final class ProtocolViolationException extends RpcNonTransientException {

    public ProtocolViolationException(String message) {
        super(message);
    }
}
