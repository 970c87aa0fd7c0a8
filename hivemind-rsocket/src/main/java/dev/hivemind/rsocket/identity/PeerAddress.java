package dev.hivemind.rsocket.identity;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a peer listens: a host name or IP literal and a TCP port. Written as in gRPC: {@code host:port},
 * {@code 12.34.56.78:1337}, {@code [::1]:1337}.
 *
 * @param host name or literal, without the brackets of IPv6; at most 253 characters
 * @param port 0 to 65535; 0 asks the system for a free port and is good for listening only
 */
public record PeerAddress(String host, int port) {

    private static final int MAX_HOST_LENGTH = 253;
    private static final int MAX_PORT = 65_535;

    /** What neither breaks a line nor the notation; peers name hosts to us that we log, store and pass on. */
    private static final Pattern HOST = Pattern.compile("[!-~&&[^\\[\\]/]]+");

    private static final Pattern NOTATION =
            Pattern.compile("(?:\\[(?<six>[0-9A-Fa-f:.%a-z]+)]|(?<host>[^:\\[\\]\\s/]+)):(?<port>\\d{1,5})");

    public PeerAddress {
        requireNonNull(host, "host");
        if (host.isBlank() || host.length() > MAX_HOST_LENGTH) {
            throw new IllegalArgumentException("A host has 1 to %d characters".formatted(MAX_HOST_LENGTH));
        }
        if (!HOST.matcher(host).matches()) {
            throw new IllegalArgumentException("A host is a name or a literal of visible ASCII characters");
        }
        if (port < 0 || port > MAX_PORT) {
            throw new IllegalArgumentException("A port lies between 0 and %d, not %d".formatted(MAX_PORT, port));
        }
    }

    /**
     * Reads {@code host:port}.
     *
     * @throws IllegalArgumentException with a message for people, when the text is anything else
     */
    public static PeerAddress parse(String text) {
        requireNonNull(text, "text");
        Matcher matcher = NOTATION.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "'%s' is not an address. Write HOST:PORT, for example 127.0.0.1:1337 or [::1]:1337"
                            .formatted(text));
        }
        String six = matcher.group("six");
        return new PeerAddress(six != null ? six : matcher.group("host"), Integer.parseInt(matcher.group("port")));
    }

    /** The address of a socket, by its IP literal. */
    public static PeerAddress of(InetSocketAddress socket) {
        requireNonNull(socket, "socket");
        return new PeerAddress(
                socket.isUnresolved()
                        ? socket.getHostString()
                        : socket.getAddress().getHostAddress(),
                socket.getPort());
    }

    /** The same host with another port. */
    public PeerAddress withPort(int newPort) {
        return new PeerAddress(host, newPort);
    }

    /**
     * The addresses under which others may reach a socket bound to this one: itself, or, for a wildcard such as
     * {@code 0.0.0.0}, those of the machine's running interfaces, IPv4 before IPv6 and loopback last.
     */
    public List<PeerAddress> reachable() {
        return LocalInterfaces.expand(host).stream()
                .map(literal -> new PeerAddress(literal, port))
                .toList();
    }

    /** Whether the host is an address, or a common name, that only this machine can reach. */
    public boolean isLoopback() {
        return host.equals("localhost")
                || host.startsWith("127.")
                || host.equals("::1")
                || host.equals("0:0:0:0:0:0:0:1");
    }

    @Override
    public String toString() {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }
}
