package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** 128 nodes in one process, a tenth of which dies. Runs with {@code -Pscale}. */
@Tag("scale")
class ManyNodesTest {

    private static final int NODES = 128;
    private static final int RECORDS = 256;
    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    @Test
    void get_afterATenthOfTheNodesDied_findsEveryRecord() {
        var swarm = new Swarm(128, node -> node.softTimeout(Duration.ofSeconds(2)));
        try {
            swarm.grow(NODES);
            Long stored = Flux.range(0, RECORDS)
                    .flatMap(i -> swarm.get(i % NODES).store(record(swarm, i)), 8)
                    .filter(StoreReceipt::isStored)
                    .count()
                    .block(TIMEOUT);
            assertThat(stored).isEqualTo(RECORDS);

            IntStream.range(0, NODES / 10).forEach(i -> swarm.kill(swarm.get(10 * i + 3)));

            Long found = Flux.range(0, RECORDS)
                    .flatMap(i -> swarm.get(10 * (i % 12)).get(key(i)), 8)
                    .count()
                    .block(TIMEOUT);
            assertThat(found).isEqualTo(RECORDS);
        } finally {
            swarm.close();
        }
    }

    private static DhtKey key(int index) {
        return DhtKey.of("record-" + index);
    }

    private static DhtRecord record(Swarm swarm, int index) {
        return DhtRecord.of(
                key(index),
                ByteString.copyFromUtf8("value-" + index),
                swarm.get(0).now().plusSeconds(600));
    }
}
