package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.hivemind.rsocket.error.IncompatiblePeerException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.proto.HelloMessage;
import io.netty.buffer.Unpooled;
import java.util.Optional;

/**
 * Whatever bytes a stranger sends as its hello: they are refused by a typed error, or they are a hello within every bound
 * that means the same after another trip.
 *
 * <p>Runs the committed inputs; with {@code JAZZER_FUZZ=1} in the environment it searches for new ones.
 */
class HelloFuzzTest {

    @FuzzTest(maxDuration = "1m")
    void decode_ofAnyBytes_isRefusedOrWithinBounds(byte[] bytes) {
        decode(bytes).ifPresent(hello -> {
            assertThat(hello.publicKey().size()).isEqualTo(PeerIdentity.PUBLIC_KEY_BYTES);
            assertThat(hello.nonce().size()).isEqualTo(Hello.NONCE_BYTES);
            assertThat(hello.listenAddresses()).hasSizeLessThanOrEqualTo(Hello.MAX_LISTEN_ADDRESSES);
            assertThat(decode(hello.toMessage().toByteArray())).contains(hello);
        });
    }

    private static Optional<Hello> decode(byte[] bytes) {
        try {
            return Optional.of(Hello.fromMessage(MessageBody.decode(
                    Unpooled.wrappedBuffer(bytes), HelloMessage.parser(), MessageBody.MAX_HELLO_BYTES)));
        } catch (ProtocolViolationException | IncompatiblePeerException refused) {
            return Optional.empty();
        }
    }
}
