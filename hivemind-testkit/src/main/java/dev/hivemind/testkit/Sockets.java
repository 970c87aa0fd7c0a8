package dev.hivemind.testkit;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import java.util.Collection;
import java.util.function.Consumer;
import reactor.netty.Connection;

/** What connections do to their sockets that Reactor Netty has no word for. */
final class Sockets {

    private static final int DROP_UNSENT_AND_RESET = 0;

    private Sockets() {}

    /**
     * Closes connections of one event loop so that the other sides see a reset and lose what they have not read. All are
     * prepared before the first is closed, lest one of them be closed in order by what the end of another sets off.
     */
    static void reset(Collection<Connection> connections) {
        connections.forEach(connection -> ifOpen(
                connection, channel -> channel.config().setOption(ChannelOption.SO_LINGER, DROP_UNSENT_AND_RESET)));
        connections.forEach(connection -> ifOpen(connection, Channel::close));
    }

    private static void ifOpen(Connection connection, Consumer<Channel> action) {
        Channel channel = connection.channel();
        channel.eventLoop().execute(() -> {
            if (channel.isOpen()) {
                action.accept(channel);
            }
        });
    }
}
