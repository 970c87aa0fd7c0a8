package dev.hivemind.launcher.process;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The line by which a child says that it serves: {@code {"event":"ready","addresses":["127.0.0.1:1234"]}}.
 *
 * @param addresses where peers reach it, at least one
 * @param url where browsers reach it; empty if they cannot
 */
public record ReadyLine(List<PeerAddress> addresses, String url) {

    private static final Pattern EVENT = Pattern.compile("\"event\"\\s*:\\s*\"ready\"");
    private static final Pattern ADDRESSES =
            Pattern.compile("\"addresses\"\\s*:\\s*\\[((?:\\s*\"[^\"\\\\]*\"\\s*,?)*)\\s*]");
    private static final Pattern QUOTED = Pattern.compile("\"([^\"]*)\"");
    private static final Pattern URL = Pattern.compile("\"url\"\\s*:\\s*\"(http://[^\"\\\\]*)\"");

    public ReadyLine {
        addresses = List.copyOf(addresses);
    }

    /**
     * What a ready line says; empty for any other line.
     *
     * @throws ChildProcessException if a ready line names no proper addresses
     */
    static Optional<ReadyLine> parse(String line) {
        if (!line.startsWith("{") || !EVENT.matcher(line).find()) {
            return Optional.empty();
        }
        Matcher list = ADDRESSES.matcher(line);
        List<PeerAddress> addresses = list.find() ? addresses(list.group(1)) : List.of();
        if (addresses.isEmpty()) {
            throw new ChildProcessException("A server said that it is ready, but not where: " + line);
        }
        Matcher url = URL.matcher(line);
        return Optional.of(new ReadyLine(addresses, url.find() ? url.group(1) : ""));
    }

    private static List<PeerAddress> addresses(String quoted) {
        var addresses = new ArrayList<PeerAddress>();
        Matcher matcher = QUOTED.matcher(quoted);
        while (matcher.find()) {
            try {
                addresses.add(PeerAddress.parse(matcher.group(1)));
            } catch (IllegalArgumentException malformed) {
                throw new ChildProcessException("A server announced a bad address: " + matcher.group(1), malformed);
            }
        }
        return List.copyOf(addresses);
    }
}
