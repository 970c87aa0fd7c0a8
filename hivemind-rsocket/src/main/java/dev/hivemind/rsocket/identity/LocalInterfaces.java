package dev.hivemind.rsocket.identity;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The IP addresses of this machine. */
final class LocalInterfaces {

    private static final Comparator<InetAddress> MOST_USEFUL_FIRST =
            Comparator.comparing(InetAddress::isLoopbackAddress).thenComparing(Inet6Address.class::isInstance);

    private LocalInterfaces() {}

    /**
     * The host itself, or, for a wildcard, the addresses that a socket bound to it accepts: IPv4 before IPv6, loopback
     * last.
     */
    static List<String> expand(String host) {
        try {
            InetAddress address = InetAddress.getByName(host);
            if (!address.isAnyLocalAddress()) {
                return List.of(host);
            }
            boolean fourOnly = address instanceof Inet4Address;
            return literals(NetworkInterface.networkInterfaces()
                    .filter(LocalInterfaces::isUp)
                    .flatMap(NetworkInterface::inetAddresses)
                    .filter(candidate -> !fourOnly || candidate instanceof Inet4Address));
        } catch (UnknownHostException | SocketException e) {
            return List.of(host);
        }
    }

    /** Those that others can use, the most useful first. */
    static List<String> literals(Stream<InetAddress> addresses) {
        return addresses
                .filter(address -> !address.isLinkLocalAddress())
                .sorted(MOST_USEFUL_FIRST)
                .map(LocalInterfaces::withoutZone)
                .toList();
    }

    /** The zone of an IPv6 address, such as {@code %eth0}, means nothing on another machine. */
    private static String withoutZone(InetAddress address) {
        String literal = address.getHostAddress();
        int zone = literal.indexOf('%');
        return zone < 0 ? literal : literal.substring(0, zone);
    }

    private static boolean isUp(NetworkInterface candidate) {
        try {
            return candidate.isUp();
        } catch (SocketException e) {
            return false;
        }
    }
}
