package dev.hivemind.rsocket.error;

/**
 * The call was repeated, it has taken effect already, and its result is no longer kept. Nothing was executed a second
 * time; whoever needs the result cannot have it.
 */
public final class AlreadyAppliedException extends RpcNonTransientException {

    public AlreadyAppliedException(String message) {
        super(message);
    }
}
