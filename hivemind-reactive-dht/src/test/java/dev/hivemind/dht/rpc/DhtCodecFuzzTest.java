package dev.hivemind.dht.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.ByteString;
import com.google.protobuf.Parser;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindRequestMessage;
import dev.hivemind.dht.proto.StoreRequestMessage;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.Optional;
import java.util.function.Function;

/**
 * Whatever bytes arrive as a message of the DHT: they are refused as a violation of the protocol, or they are a message
 * within every bound that means the same after another trip.
 *
 * <p>Runs the committed inputs; with {@code JAZZER_FUZZ=1} in the environment it searches for new ones.
 */
class DhtCodecFuzzTest {

    @FuzzTest(maxDuration = "1m")
    void storeRequest_ofAnyBytes_isRefusedOrWithinBounds(byte[] bytes) {
        decode(bytes, StoreRequestMessage.parser(), DhtCodec::toStoreRequest).ifPresent(request -> {
            assertThat(request.records()).hasSizeBetween(1, StoreRequest.MAX_RECORDS);
            byte[] again = DhtCodec.toMessage(request).toByteArray();
            assertThat(decode(again, StoreRequestMessage.parser(), DhtCodec::toStoreRequest))
                    .contains(request);
        });
    }

    @FuzzTest(maxDuration = "1m")
    void findRequest_ofAnyBytes_isRefusedOrWithinBounds(byte[] bytes) {
        decode(bytes, FindRequestMessage.parser(), DhtCodec::toFindRequest)
                .ifPresent(request -> assertThat(request.targets()).hasSizeBetween(1, FindRequest.MAX_TARGETS));
    }

    @FuzzTest(maxDuration = "1m")
    void findReply_ofAnyBytes_isRefusedOrWithinBounds(byte[] bytes) {
        decode(bytes, FindReplyMessage.parser(), message -> FindReplyCodec.toFindReply(message, 1))
                .ifPresent(reply -> {
                    assertThat(reply.results().get(0).closest()).hasSizeLessThanOrEqualTo(FindResult.MAX_CONTACTS);
                    byte[] again = FindReplyCodec.toMessage(reply).toByteArray();
                    assertThat(decode(
                                    again,
                                    FindReplyMessage.parser(),
                                    message -> FindReplyCodec.toFindReply(message, 1)))
                            .contains(reply);
                });
    }

    private static <M, T> Optional<T> decode(byte[] bytes, Parser<M> parser, Function<M, T> read) {
        try {
            return Optional.of(read.apply(parse(bytes, parser)));
        } catch (ProtocolViolationException refused) {
            return Optional.empty();
        }
    }

    private static <M> M parse(byte[] bytes, Parser<M> parser) {
        try {
            return parser.parseFrom(ByteString.copyFrom(bytes));
        } catch (com.google.protobuf.InvalidProtocolBufferException e) {
            throw new ProtocolViolationException("Not a message");
        }
    }
}
