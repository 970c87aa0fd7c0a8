package dev.hivemind.moe.data;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/** Data cannot be used. The message is one line for people: which file, what is wrong and where, what to do. */
public abstract sealed class DataException extends RuntimeException {

    private final String file;

    private DataException(String file, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.file = file;
    }

    /** The file as its reader was told of it, or what else is to blame where it is no file alone. */
    public String file() {
        return file;
    }

    /** A file could be read, but holds something else than it should. */
    public static final class Malformed extends DataException {

        private final long offset;

        Malformed(String file, long offset, String what, String advice) {
            this(file, offset, what, advice, null);
        }

        Malformed(String file, long offset, String what, String advice, @Nullable Throwable cause) {
            super(file, "%s is broken at byte %d: %s. %s".formatted(file, offset, what, advice), cause);
            this.offset = offset;
        }

        /** Where in the file, in bytes from its start; of a compressed file, in bytes of what it decompresses to. */
        public long offset() {
            return offset;
        }
    }

    /** What is to be read does not fit into memory, or decompresses to more than is allowed or than there is room for. */
    public static final class TooLarge extends DataException {

        TooLarge(String file, String message, @Nullable Throwable cause) {
            super(file, message, cause);
        }
    }

    /** A file is missing or cannot be read, or there is no room for what it decompresses to. */
    public static final class Unreadable extends DataException {

        Unreadable(String file, IOException cause) {
            super(file, message(file, cause), cause);
        }

        private static String message(String file, IOException cause) {
            if (cause instanceof NoSuchFileException || cause instanceof FileNotFoundException) {
                return "There is no file %s. Check the path.".formatted(file);
            } else if (cause instanceof AccessDeniedException) {
                return "%s may not be read: permission denied. Change its permissions or run as another user."
                        .formatted(file);
            }
            return "%s cannot be read (%s). Check the disk, and the room in %s for what is decompressed."
                    .formatted(file, reason(cause), System.getProperty("java.io.tmpdir"));
        }

        private static String reason(IOException cause) {
            String message = cause.getMessage();
            return message == null ? cause.getClass().getSimpleName() : message;
        }
    }
}
