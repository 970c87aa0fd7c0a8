package dev.hivemind.rsocket.error;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The wire's names for {@link RpcException}s. The numeric code travels in the RSocket ERROR frame, the text starts its
 * data. Codes from {@code 0x301} are the application's own.
 */
enum ErrorCode {
    OVERLOADED(0x202, "overloaded"),
    SCHEMA_MISMATCH(0x204, "schema-mismatch"),
    DEADLINE_EXCEEDED(0x301, "deadline-exceeded"),
    UNKNOWN_EXPERT(0x302, "unknown-expert"),
    PROTOCOL_VIOLATION(0x303, "protocol-violation"),
    UNAUTHORIZED(0x304, "unauthorized"),
    EXPERT_FAILED(0x305, "expert-failed"),
    PAYLOAD_TOO_LARGE(0x306, "payload-too-large"),
    PEER_UNAVAILABLE(0x307, "peer-unavailable"),
    INCOMPATIBLE_PEER(0x308, "incompatible-peer"),
    ALREADY_APPLIED(0x309, "already-applied"),
    REPLY_TOO_LARGE(0x30A, "reply-too-large");

    private final int wireCode;
    private final String wireName;

    ErrorCode(int wireCode, String wireName) {
        this.wireCode = wireCode;
        this.wireName = wireName;
    }

    int wireCode() {
        return wireCode;
    }

    String wireName() {
        return wireName;
    }

    static @Nullable ErrorCode ofWireName(String name) {
        return Arrays.stream(values())
                .filter(code -> code.wireName.equals(name))
                .findFirst()
                .orElse(null);
    }
}
