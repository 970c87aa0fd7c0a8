package dev.hivemind.rsocket.error;

/** The tensors of a call differ from the expert's schema in number, element type or shape. */
public final class SchemaMismatchException extends RpcNonTransientException {

    public SchemaMismatchException(String message) {
        super(message);
    }
}
