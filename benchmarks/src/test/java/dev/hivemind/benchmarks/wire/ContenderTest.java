package dev.hivemind.benchmarks.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What any contender can do is done once, of sizes below, at and above a chunk. */
@Timeout(120)
class ContenderTest {

    private static final Duration TIME = Duration.ofMillis(20);
    private static final int[] SIZES = {100, RawFrames.CHUNK_BYTES, RawFrames.CHUNK_BYTES + 1, 3_000_000};

    private Contenders contenders;

    @BeforeEach
    void connect() throws Exception {
        contenders = new Contenders();
    }

    @AfterEach
    void close() {
        contenders.close();
    }

    @Test
    void call_ofAnySize_ends() throws Exception {
        for (Contender contender : contenders.all()) {
            for (int bytes : SIZES) {
                for (Op op : List.of(Op.SINK, Op.ECHO)) {
                    if (contender.supports(op, bytes)) {
                        assertThat(calls(contender, op, bytes))
                                .as(contender.name())
                                .isPositive();
                    }
                }
            }
        }
    }

    @Test
    void stream_ofAnySize_ends() throws Exception {
        for (Contender contender : contenders.all()) {
            for (int bytes : SIZES) {
                if (contender.supports(Op.STREAM, bytes)) {
                    assertThat(contender.stream(bytes, TIME).calls())
                            .as(contender.name())
                            .isPositive();
                }
            }
        }
    }

    private static long calls(Contender contender, Op op, int bytes) throws Exception {
        try (Call call = contender.call(op, bytes)) {
            return ClosedLoop.run(call, 2, TIME).calls();
        }
    }
}
