package dev.hivemind.samples.trainer;

/** The pictures cannot be loaded. The message is one line for people: which file, what is wrong, what to do. */
public final class DataException extends RuntimeException {

    DataException(String message) {
        super(message);
    }

    DataException(String message, Throwable cause) {
        super(message, cause);
    }
}
