package dev.hivemind.rsocket.error;

import static org.assertj.core.api.Assertions.assertThat;

import io.rsocket.exceptions.CustomRSocketException;
import io.rsocket.exceptions.RejectedException;
import java.io.IOException;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ErrorCodecTest {

    @ParameterizedTest
    @MethodSource("everyException")
    void fromWire_ofAnErrorSentToWire_returnsTypeAndMessage(RpcException error) {
        RpcException received = ErrorCodec.fromWire(ErrorCodec.toWire(error));

        assertThat(received).isExactlyInstanceOf(error.getClass()).hasMessage(error.getMessage());
    }

    static Stream<RpcException> everyException() {
        return Stream.of(
                new OverloadedException("the pool of ffn.1 is full", Duration.ofMillis(7)),
                new DeadlineExceededException("too late"),
                new PeerUnavailableException("leaving"),
                new UnknownExpertException("no ffn.9; only ffn.0 to ffn.3"),
                new SchemaMismatchException("expected float32(-1, 16), got float32(3, 11)"),
                new UnauthorizedException("no token"),
                new ProtocolViolationException("bad"),
                new PayloadTooLargeException("20 MiB"),
                new IncompatiblePeerException("version 2"),
                new AlreadyAppliedException("the step is done"),
                new ReplyTooLargeException("1 MiB"),
                new ExpertFailedException("not finite"));
    }

    @ParameterizedTest
    @MethodSource("everyException")
    void fromText_ofAnErrorAsText_returnsTypeAndMessage(RpcException error) {
        RpcException received = ErrorCodec.fromText(ErrorCodec.toText(error));

        assertThat(received).isExactlyInstanceOf(error.getClass()).hasMessage(error.getMessage());
    }

    @Test
    void fromWire_ofOverloaded_keepsRetryAfter() {
        var error = new OverloadedException("full", Duration.ofMillis(250));

        assertThat(((OverloadedException) ErrorCodec.fromWire(ErrorCodec.toWire(error))).retryAfter())
                .isEqualTo(Duration.ofMillis(250));
    }

    @Test
    void toWire_ofAForeignException_hidesItsMessage() {
        assertThat(ErrorCodec.toWire(new IOException("/etc/passwd")))
                .hasMessageNotContaining("passwd")
                .hasMessageStartingWith("expert-failed");
    }

    @Test
    void toWire_ofAVeryLongMessage_isCut() {
        assertThat(ErrorCodec.toWire(new ExpertFailedException("x".repeat(1_000_000)))
                        .getMessage())
                .hasSizeLessThanOrEqualTo(1_024);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "overloaded;retry-after-ms=x;message=full",
                "overloaded;retry-after-ms=;message=full",
                "overloaded;retry-after-ms=-5",
                "overloaded;retry-after-ms=99999999999999999999",
                "overloaded"
            })
    void fromWire_ofOverloadedWithAnAbsurdDelay_takesABoundedOne(String text) {
        var received = (OverloadedException) ErrorCodec.fromWire(new RejectedException(text));

        assertThat(received.retryAfter()).isBetween(Duration.ZERO, Duration.ofMinutes(1));
    }

    @Test
    void fromWire_ofAnUnknownError_isAProtocolViolation() {
        assertThat(ErrorCodec.fromWire(new CustomRSocketException(0x399, "what;ever")))
                .isInstanceOf(ProtocolViolationException.class);
    }

    @Test
    void fromWire_ofALostConnection_isTransient() {
        assertThat(ErrorCodec.fromWire(new java.nio.channels.ClosedChannelException()))
                .isInstanceOf(RpcTransientException.class);
    }
}
