package dev.hivemind.dashboard.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class FrameLogTest {

    private static final long FIRST = 1_000;

    private final FrameLog log = new FrameLog(FIRST);

    private void add(int count, int bytes) {
        for (int i = 0; i < count; i++) {
            log.add(new Frame(log.lastId() + 1, new byte[bytes], 0));
        }
    }

    @Test
    void after_anyUpdateThatIsKept_isTheNext() {
        add(10, 1);

        for (long id = FIRST; id < FIRST + 10; id++) {
            assertThat(log.canFollow(id)).isTrue();
            assertThat(log.after(id)).isNotNull().extracting(Frame::id).isEqualTo(id + 1);
        }
        assertThat(log.canFollow(FIRST + 10)).isTrue();
        assertThat(log.after(FIRST + 10)).isNull();
    }

    @Test
    void canFollow_whatIsTooOldOrUnknown_isFalse() {
        add(FrameLog.MAX_FRAMES + 5, 1);

        assertThat(log.canFollow(FIRST + 4)).isFalse();
        assertThat(log.canFollow(FIRST + 5)).isTrue();
        assertThat(log.canFollow(log.lastId() + 1)).isFalse();
        assertThat(log.canFollow(Viewer.NOTHING)).isFalse();
    }

    @Test
    void add_largeUpdates_keepsFewer() {
        add(20, 1 << 20);

        assertThat(log.canFollow(log.lastId() - 8)).isTrue();
        assertThat(log.canFollow(log.lastId() - 9)).isFalse();
    }

    @Test
    void add_oneUpdateLargerThanAll_isKept() {
        add(1, FrameLog.MAX_BYTES + 1);

        assertThat(log.after(FIRST)).isNotNull();
    }

    @Test
    void add_aGap_isRefused() {
        var frame = new Frame(FIRST + 2, new byte[1], 0);

        assertThatThrownBy(() -> log.add(frame)).isInstanceOf(IllegalArgumentException.class);
    }
}
