package dev.hivemind.samples.trainer;

/** The bytes are not the IDX file that was expected. The message is a clause that says what is wrong with "it". */
final class IdxFormatException extends RuntimeException {

    IdxFormatException(String message) {
        super(message);
    }

    IdxFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
