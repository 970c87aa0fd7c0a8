package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.PlainRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

class SharedFindsTest {

    private static final NodeId TARGET = DhtKey.of("key").target();
    private static final DhtValue VALUE = new PlainRecord(ByteString.EMPTY, Instant.EPOCH);

    private final SharedFinds finds = new SharedFinds();
    private final AtomicInteger searches = new AtomicInteger();
    private final Sinks.One<DhtValue> answer = Sinks.one();

    private Mono<DhtValue> find(Instant sufficient) {
        return finds.find(TARGET, sufficient, () -> {
            searches.incrementAndGet();
            return answer.asMono();
        });
    }

    @Test
    void find_whileOneIsUnderWay_waitsForItsAnswer() {
        List<DhtValue> found = new ArrayList<>();
        find(Instant.MAX).subscribe(found::add);
        find(Instant.MAX).subscribe(found::add);

        answer.tryEmitValue(VALUE);

        assertThat(found).containsExactly(VALUE, VALUE);
        assertThat(searches).hasValue(1);
        assertThat(finds.size()).isZero();
    }

    @Test
    void find_withAnotherRequirement_isASearchOfItsOwn() {
        find(Instant.MAX).subscribe();
        find(Instant.MIN).subscribe();

        assertThat(searches).hasValue(2);
        assertThat(finds.size()).isEqualTo(2);
        answer.tryEmitEmpty();
        assertThat(finds.size()).isZero();
    }

    @Test
    void find_thatFails_isForgotten() {
        List<Throwable> errors = new ArrayList<>();
        find(Instant.MAX).subscribe(value -> {}, errors::add);

        answer.tryEmitError(new IllegalStateException());

        assertThat(errors).hasSize(1);
        assertThat(finds.size()).isZero();
    }

    @Test
    void find_thatAllGaveUp_isForgotten() {
        Disposable first = find(Instant.MAX).subscribe();
        Disposable second = find(Instant.MAX).subscribe();

        first.dispose();
        assertThat(finds.size()).isOne();
        second.dispose();

        assertThat(finds.size()).isZero();
        assertThat(answer.currentSubscriberCount()).isZero();
    }

    @Test
    void find_thatNobodySubscribes_isNoSearch() {
        find(Instant.MAX);

        assertThat(finds.size()).isZero();
    }

    @Test
    void find_afterTheOneUnderWayWasLeft_isASearchOfItsOwn() {
        find(Instant.MAX).subscribe();
        finds.leave(TARGET, Instant.MAX);
        find(Instant.MAX).subscribe();

        assertThat(searches).hasValue(2);
        answer.tryEmitValue(VALUE);
        assertThat(finds.size()).isZero();
    }
}
