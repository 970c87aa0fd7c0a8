package dev.hivemind.launcher.process;

/** A child process could not do its work. The message is one line for people. */
public final class ChildProcessException extends RuntimeException {

    ChildProcessException(String message) {
        super(message);
    }

    ChildProcessException(String message, Throwable cause) {
        super(message, cause);
    }
}
