package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.proto.HelloMessage;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class MessageBodyTest {

    private static final HelloMessage MESSAGE =
            HelloMessage.newBuilder().addListenAddresses("127.0.0.1:1337").build();

    @Test
    void decode_ofAMessageAtTheBound_readsIt() {
        ByteBuf body = MessageBody.encode(MESSAGE);

        assertThat(MessageBody.decode(body, HelloMessage.parser(), MESSAGE.getSerializedSize()))
                .isEqualTo(MESSAGE);

        body.release();
    }

    @Test
    void decode_ofAMessageBeyondTheBound_refusesIt() {
        ByteBuf body = MessageBody.encode(MESSAGE);

        assertThatThrownBy(() -> MessageBody.decode(body, HelloMessage.parser(), MESSAGE.getSerializedSize() - 1))
                .isInstanceOf(ProtocolViolationException.class)
                .hasMessageContaining("larger");

        body.release();
    }

    @Test
    void decode_ofSomethingElse_refusesIt() {
        ByteBuf body = Unpooled.wrappedBuffer(new byte[] {-1, -1, -1});

        assertThatThrownBy(() -> MessageBody.decode(body, HelloMessage.parser(), 3))
                .isInstanceOf(ProtocolViolationException.class);
    }

    @Test
    void message_ofMoreThanTwoMebibytes_isReadWithABoundOfItsOwnOnly() {
        HelloMessage large = MESSAGE.toBuilder()
                .addFeatures("x".repeat(MessageBody.DEFAULT_MAX_BYTES))
                .build();
        Request request = Request.ofMessage(Operation.DHT_FIND, "", Duration.ofSeconds(1), large);
        Reply reply = new Reply(List.of(), request.body());

        assertThatThrownBy(() -> request.message(HelloMessage.parser())).isInstanceOf(ProtocolViolationException.class);
        assertThatThrownBy(() -> reply.message(HelloMessage.parser())).isInstanceOf(ProtocolViolationException.class);
        assertThat(request.message(HelloMessage.parser(), 4 << 20)).isEqualTo(large);
        assertThat(reply.message(HelloMessage.parser(), 4 << 20)).isEqualTo(large);

        request.release();
    }
}
