package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReplyRoomTest {

    private final ReplyRoom room = new ReplyRoom(100, 50);
    private final ReplyRoom.Guess guess = new ReplyRoom.Guess();

    @Test
    void tryFill_beyondTheRoom_isRefusedUntilOthersLeave() {
        ReplyRoom.Place first = room.enter(1, guess);
        ReplyRoom.Place second = room.enter(1, guess);

        assertThat(first.tryFill(80)).isTrue();
        assertThat(second.tryFill(80)).isFalse();
        first.leave();
        assertThat(second.tryFill(80)).isTrue();
    }

    @Test
    void tryFill_alone_isOfAnySize() {
        assertThat(room.enter(1, guess).tryFill(1_000)).isTrue();
    }
}
