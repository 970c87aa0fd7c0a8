package dev.hivemind.moe.training.checkpoint;

import java.nio.file.Path;
import org.slf4j.LoggerFactory;

/** Hears of checkpoints. Called on the thread that writes them, one call at a time. */
public interface CheckpointListener {

    /** A checkpoint was saved. Does nothing unless overridden. */
    default void saved(Path file, int step) {}

    /** A checkpoint could not be saved; training goes on. Logs a warning unless overridden. */
    default void failed(CheckpointException reason) {
        LoggerFactory.getLogger(CheckpointListener.class).warn("{} Training goes on.", reason.getMessage());
    }

    /** One that logs what fails. */
    static CheckpointListener logging() {
        return new CheckpointListener() {};
    }
}
