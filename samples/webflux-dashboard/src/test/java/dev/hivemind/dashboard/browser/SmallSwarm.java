package dev.hivemind.dashboard.browser;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Two servers in this process and one in another, which host the sixteen experts of a grid. */
final class SmallSwarm implements AutoCloseable {

    static final String GRID = "ffn.[0:4].[0:4]";
    static final int SIDE = 4;

    private final SwarmHost first;
    private final SwarmHost second;
    private final HostProcess mortal;

    private SmallSwarm(SwarmHost first, SwarmHost second, HostProcess mortal) {
        this.first = first;
        this.second = second;
        this.mortal = mortal;
    }

    static SmallSwarm start() {
        SwarmHost first = SwarmHost.start(null, row(0));
        HostProcess mortal = HostProcess.start(first.address(), row(3));
        List<String> rest = Stream.of(row(1), row(2)).flatMap(List::stream).toList();
        return new SmallSwarm(first, SwarmHost.start(first.address(), rest), mortal);
    }

    private static List<String> row(int row) {
        return IntStream.range(0, SIDE)
                .mapToObj(column -> "ffn.%d.%d".formatted(row, column))
                .toList();
    }

    /** Where others enter. */
    PeerAddress entrance() {
        return first.address();
    }

    List<String> addresses() {
        return Stream.of(first.address(), second.address(), mortal.address())
                .map(PeerAddress::toString)
                .toList();
    }

    /** Of the server that {@link #killOne} kills. */
    String mortalAddress() {
        return mortal.address().toString();
    }

    /** Kills the server of the last row of the grid, without a word to anybody. */
    void killOne() {
        mortal.kill();
    }

    @Override
    public void close() {
        mortal.close();
        second.close();
        first.close();
    }
}
