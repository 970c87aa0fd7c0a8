package dev.hivemind.launcher.options;

import org.jspecify.annotations.Nullable;

/** A command failed for a reason that people can do something about. The message is one line: what and the way out. */
public final class LauncherException extends RuntimeException {

    /** A failure without further cause. */
    public LauncherException(String message) {
        super(message);
    }

    /** A failure with the cause that {@code --verbose} shows. */
    public LauncherException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
