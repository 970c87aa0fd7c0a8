package dev.hivemind.moe.training.checkpoint;

import java.io.IOException;

/** A file is no checkpoint. The message is a clause that says what is wrong with "it". */
final class MalformedFileException extends IOException {

    MalformedFileException(String message) {
        super(message);
    }
}
