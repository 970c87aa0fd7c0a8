package dev.hivemind.testkit;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Executor;
import reactor.netty.Connection;

/** What connections do to their sockets that Reactor Netty has no word for. */
final class Sockets {

    private static final int DROP_UNSENT_AND_RESET = 0;

    private Sockets() {}

    /**
     * Closes connections of one event loop so that the other sides see a reset and lose what they have not read. All are
     * prepared before the first is closed, lest one of them be closed in order by what the end of another sets off.
     */
    static void reset(Executor loop, Collection<Connection> connections) {
        List<Channel> channels = connections.stream().map(Connection::channel).toList();
        if (channels.isEmpty()) {
            return;
        }
        loop.execute(() -> {
            channels.stream().filter(Channel::isOpen).forEach(Sockets::dropUnsent);
            channels.forEach(Channel::close);
        });
    }

    private static void dropUnsent(Channel channel) {
        channel.config().setOption(ChannelOption.SO_LINGER, DROP_UNSENT_AND_RESET);
    }
}
