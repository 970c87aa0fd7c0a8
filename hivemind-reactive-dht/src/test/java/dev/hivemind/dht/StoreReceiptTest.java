package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class StoreReceiptTest {

    private static StoreReceipt receipt(int stored, int stale, int crowded, int refused) {
        return new StoreReceipt(
                DhtRecord.of(DhtKey.of("key"), ByteString.EMPTY, Instant.EPOCH), stored, stale, crowded, refused);
    }

    @Test
    void isCovered_withACopy_isTrue() {
        assertThat(receipt(1, 0, 0, 5).isCovered()).isTrue();
    }

    @Test
    void isCovered_whereMostKeepEnoughOthers_isTrue() {
        assertThat(receipt(0, 0, 4, 2).isCovered()).isTrue();
    }

    @Test
    void isCovered_whereOneOfSeveralSaysSo_isFalse() {
        assertThat(receipt(0, 0, 1, 5).isCovered()).isFalse();
        assertThat(receipt(0, 1, 1, 0).isCovered()).isFalse();
    }
}
