package dev.hivemind.dht.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.PlainRecord;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class WatchReplyCodecTest {

    private final WatchReplyCodec codec = new WatchReplyCodec();

    private static DhtValue value(String text) {
        return new PlainRecord(ByteString.copyFromUtf8(text), Instant.EPOCH);
    }

    @Test
    void toMessage_ofWhatManyAreTold_isTranslatedOnce() {
        DhtValue value = value("a");

        assertThat(codec.toMessage(value)).isSameAs(codec.toMessage(value));
    }

    @Test
    void toMessage_ofTheNextChange_isThatChange() {
        codec.toMessage(value("a"));

        assertThat(DhtCodec.toValue(codec.toMessage(value("b")))).isEqualTo(value("b"));
    }
}
