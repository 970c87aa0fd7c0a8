package dev.hivemind.moe.training.checkpoint;

import org.jspecify.annotations.Nullable;

/** A checkpoint cannot be written or used. The message is one line for people: which file, what is wrong, what to do. */
public final class CheckpointException extends RuntimeException {

    CheckpointException(String message) {
        this(message, null);
    }

    /** A failure, with what caused it. */
    public CheckpointException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
