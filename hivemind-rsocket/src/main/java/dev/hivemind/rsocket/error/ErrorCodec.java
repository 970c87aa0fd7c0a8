package dev.hivemind.rsocket.error;

import io.rsocket.exceptions.ApplicationErrorException;
import io.rsocket.exceptions.CanceledException;
import io.rsocket.exceptions.ConnectionCloseException;
import io.rsocket.exceptions.ConnectionErrorException;
import io.rsocket.exceptions.CustomRSocketException;
import io.rsocket.exceptions.InvalidException;
import io.rsocket.exceptions.RejectedException;
import io.rsocket.exceptions.RejectedSetupException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;

/**
 * Maps {@link RpcException}s to RSocket errors and back: {@code name[;retry-after-ms=N];message=text}. Anything that is
 * not an {@code RpcException} goes out as a bare {@code expert-failed}, so that nothing internal leaks.
 */
public final class ErrorCodec {

    private static final int MAX_TEXT_LENGTH = 1_024;
    private static final String RETRY_AFTER = "retry-after-ms=";
    private static final String MESSAGE = "message=";
    private static final Duration DEFAULT_RETRY_AFTER = Duration.ofMillis(100);
    private static final Duration MAX_RETRY_AFTER = Duration.ofMinutes(1);

    private ErrorCodec() {}

    /** The RSocket error to answer with. */
    public static Throwable toWire(Throwable error) {
        String text = toText(error);
        ErrorCode code = error instanceof RpcException rpc ? codeOf(rpc) : ErrorCode.EXPERT_FAILED;
        return switch (code) {
            case OVERLOADED -> new RejectedException(text);
            case SCHEMA_MISMATCH -> new InvalidException(text);
            default -> new CustomRSocketException(code.wireCode(), text);
        };
    }

    /** The RSocket error that refuses a connection during set-up. */
    public static Throwable toRejectedSetup(RpcException error) {
        return new RejectedSetupException(toText(error));
    }

    /**
     * The exception for a failed call, whatever its source: an answer of the peer, a lost connection, a timeout. Errors
     * of the peer that make no sense become {@link ProtocolViolationException}s.
     */
    public static RpcException fromWire(Throwable error) {
        if (error instanceof RpcException known) {
            return known;
        }
        if (error instanceof TimeoutException) {
            return new DeadlineExceededException("No answer within the deadline");
        }
        if (isAnswerOfThePeer(error)) {
            String text = error.getMessage();
            return fromText(text == null ? "" : text);
        }
        if (error instanceof IOException
                || error instanceof CancellationException
                || error instanceof CanceledException
                || error instanceof ConnectionErrorException
                || error instanceof ConnectionCloseException) {
            return new PeerUnavailableException("The connection to the peer was lost", error);
        }
        return new PeerUnavailableException("The peer cannot be called", error);
    }

    /** An error as the text of an ERROR frame, at most 1,024 characters. */
    public static String toText(Throwable error) {
        if (!(error instanceof RpcException rpc)) {
            return ErrorCode.EXPERT_FAILED.wireName() + ";message=The peer failed while serving the call";
        }
        var text = new StringBuilder(codeOf(rpc).wireName());
        if (rpc instanceof OverloadedException overloaded) {
            text.append(';').append(RETRY_AFTER).append(overloaded.retryAfter().toMillis());
        }
        text.append(';').append(MESSAGE).append(rpc.getMessage());
        return text.substring(0, Math.min(text.length(), MAX_TEXT_LENGTH));
    }

    /** The exception that a text stands for; a {@link ProtocolViolationException} if the text makes no sense. */
    public static RpcException fromText(String received) {
        String text = received.substring(0, Math.min(received.length(), MAX_TEXT_LENGTH));
        int end = text.indexOf(';');
        ErrorCode code = ErrorCode.ofWireName(end < 0 ? text : text.substring(0, end));
        if (code == null) {
            return new ProtocolViolationException("The peer answered with an unknown error");
        }
        return exception(code, message(text, code), retryAfter(text));
    }

    private static boolean isAnswerOfThePeer(Throwable error) {
        return error instanceof RejectedException
                || error instanceof InvalidException
                || error instanceof CustomRSocketException
                || error instanceof RejectedSetupException
                || error instanceof ApplicationErrorException;
    }

    private static String message(String text, ErrorCode code) {
        int start = text.indexOf(MESSAGE);
        return start < 0 ? code.wireName() : text.substring(start + MESSAGE.length());
    }

    private static Duration retryAfter(String text) {
        int start = text.indexOf(RETRY_AFTER);
        if (start < 0) {
            return DEFAULT_RETRY_AFTER;
        }
        int end = text.indexOf(';', start);
        try {
            long millis = Long.parseLong(text.substring(start + RETRY_AFTER.length(), end < 0 ? text.length() : end));
            return Duration.ofMillis(Math.max(0, Math.min(millis, MAX_RETRY_AFTER.toMillis())));
        } catch (NumberFormatException malformed) {
            return DEFAULT_RETRY_AFTER;
        }
    }

    /** The wire's short name for an error, one of a dozen: {@code overloaded}, {@code expert-failed} and so on. */
    public static String nameOf(RpcException error) {
        return codeOf(error).wireName();
    }

    private static ErrorCode codeOf(RpcException error) {
        if (error instanceof OverloadedException) {
            return ErrorCode.OVERLOADED;
        } else if (error instanceof DeadlineExceededException) {
            return ErrorCode.DEADLINE_EXCEEDED;
        } else if (error instanceof PeerUnavailableException) {
            return ErrorCode.PEER_UNAVAILABLE;
        } else if (error instanceof UnknownExpertException) {
            return ErrorCode.UNKNOWN_EXPERT;
        } else if (error instanceof SchemaMismatchException) {
            return ErrorCode.SCHEMA_MISMATCH;
        } else if (error instanceof UnauthorizedException) {
            return ErrorCode.UNAUTHORIZED;
        } else if (error instanceof ProtocolViolationException) {
            return ErrorCode.PROTOCOL_VIOLATION;
        } else if (error instanceof PayloadTooLargeException) {
            return ErrorCode.PAYLOAD_TOO_LARGE;
        } else if (error instanceof IncompatiblePeerException) {
            return ErrorCode.INCOMPATIBLE_PEER;
        } else if (error instanceof AlreadyAppliedException) {
            return ErrorCode.ALREADY_APPLIED;
        } else if (error instanceof ReplyTooLargeException) {
            return ErrorCode.REPLY_TOO_LARGE;
        }
        return ErrorCode.EXPERT_FAILED;
    }

    private static RpcException exception(ErrorCode code, String message, Duration retryAfter) {
        return switch (code) {
            case OVERLOADED -> new OverloadedException(message, retryAfter);
            case DEADLINE_EXCEEDED -> new DeadlineExceededException(message);
            case PEER_UNAVAILABLE -> new PeerUnavailableException(message);
            case UNKNOWN_EXPERT -> new UnknownExpertException(message);
            case SCHEMA_MISMATCH -> new SchemaMismatchException(message);
            case UNAUTHORIZED -> new UnauthorizedException(message);
            case PROTOCOL_VIOLATION -> new ProtocolViolationException(message);
            case PAYLOAD_TOO_LARGE -> new PayloadTooLargeException(message);
            case INCOMPATIBLE_PEER -> new IncompatiblePeerException(message);
            case ALREADY_APPLIED -> new AlreadyAppliedException(message);
            case REPLY_TOO_LARGE -> new ReplyTooLargeException(message);
            case EXPERT_FAILED -> new ExpertFailedException(message);
        };
    }
}
