package dev.hivemind.launcher.options;

/** The file of {@code --config} is of no use. The message is one line that names the file, the line, and the key. */
public final class ConfigException extends RuntimeException {

    ConfigException(String message) {
        super(message);
    }

    ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
