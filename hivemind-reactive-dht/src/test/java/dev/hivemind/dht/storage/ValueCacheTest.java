package dev.hivemind.dht.storage;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ValueCacheTest {

    private final ManualClock clock = new ManualClock();
    private final ValueCache cache = new ValueCache(new Lifetimes(clock, Duration.ofHours(1)));

    private void put(String key, int bytes, long seconds, long untilSeconds) {
        var record = new PlainRecord(
                ByteString.copyFrom(new byte[bytes]), clock.instant().plusSeconds(seconds));
        cache.put(
                DhtKey.of(key),
                DictionaryRecord.of(ByteString.EMPTY, record),
                clock.instant().plusSeconds(untilSeconds));
    }

    private DhtValue get(String key) {
        return cache.get(DhtKey.of(key).target());
    }

    @Test
    void get_beforeTheCopyOrTheRecordEnds_returnsItAndNothingAfterwards() {
        put("short copy", 1, 600, 10);
        put("short record", 1, 10, 600);
        clock.advance(Duration.ofSeconds(9));
        assertThat(get("short copy")).isNotNull();
        assertThat(get("short record")).isNotNull();

        clock.advance(Duration.ofSeconds(2));

        assertThat(get("short copy")).isNull();
        assertThat(get("short record")).isNull();
    }

    @Test
    void put_again_takesThePlaceOfTheOldCopy() {
        put("key", 2, 600, 60);
        put("key", 1, 600, 10);
        assertThat(get("key").sizeBytes()).isEqualTo(1);

        clock.advance(Duration.ofSeconds(11));

        assertThat(get("key")).isNull();
    }

    @Test
    void put_ofExpiredAndEndlessRecords_keepsNothing() {
        put("expired", 1, -1, 10);
        put("endless", 1, 7_200, 10);

        assertThat(get("expired")).isNull();
        assertThat(get("endless")).isNull();
    }

    @Test
    void put_ofMoreThanThereIsRoomFor_forgetsWhatWasUsedLeastRecently() {
        put("used", 10_000, 600, 600);
        put("unused", 10_000, 600, 600);
        for (int i = 0; i < 800; i++) {
            put("key" + i, 10_000, 600, 600);
            assertThat(get("used")).isNotNull();
        }
        IntStream.range(0, 1_023).forEach(i -> put("small" + i, 1, 600, 600));

        assertThat(get("used")).isNotNull();
        assertThat(get("unused")).isNull();
        assertThat(get("key799")).isNull();
    }

    @Test
    void usedUntil_aMoment_namesWhatWasUsedAndEndsBefore() {
        put("used", 1, 600, 10);
        put("unused", 1, 600, 10);
        put("lasting", 1, 600, 100);
        get("used");
        get("lasting");

        assertThat(cache.usedUntil(clock.instant().plusSeconds(20), 16)).containsExactly(DhtKey.of("used"));
    }
}
