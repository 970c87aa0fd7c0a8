package dev.hivemind.rsocket.transport;

import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollChannelOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Options of the sockets below RSocket. */
final class TcpSettings {

    private static final Logger LOG = LoggerFactory.getLogger(TcpSettings.class);

    /**
     * How much the kernel takes before it has sent what it has: else its buffer of some MiB would stand before each small
     * frame, and count as sent.
     */
    private static final long KERNEL_UNSENT_BYTES = 128L << 10;

    /** A frame of a large body should come in one or two reads. */
    private static final int MAX_READ_BYTES = 256 << 10;

    private static final int MIN_READ_BYTES = 64;
    private static final int FIRST_READ_BYTES = 2_048;

    private TcpSettings() {}

    /** Only Linux's native transport knows the second option; others leave it. */
    static void apply(Channel channel) {
        channel.config()
                .setRecvByteBufAllocator(
                        new AdaptiveRecvByteBufAllocator(MIN_READ_BYTES, FIRST_READ_BYTES, MAX_READ_BYTES));
        try {
            channel.config().setOption(EpollChannelOption.TCP_NOTSENT_LOWAT, KERNEL_UNSENT_BYTES);
        } catch (ChannelException unsupported) {
            LOG.debug("The kernel's send queue of {} stays unbounded", channel.remoteAddress(), unsupported);
        }
    }
}
