package dev.hivemind.launcher;

/** A command failed for a reason that people can do something about. The message is one line: what and the way out. */
final class LauncherException extends RuntimeException {

    LauncherException(String message) {
        super(message);
    }

    LauncherException(String message, Throwable cause) {
        super(message, cause);
    }
}
