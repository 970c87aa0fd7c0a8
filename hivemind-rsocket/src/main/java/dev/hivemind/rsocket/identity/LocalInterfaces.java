package dev.hivemind.rsocket.identity;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Comparator;
import java.util.List;

/** The IP addresses of this machine. */
final class LocalInterfaces {

    private LocalInterfaces() {}

    /** The host itself, or, for a wildcard, the addresses that a socket bound to it accepts, loopback last. */
    static List<String> expand(String host) {
        try {
            InetAddress address = InetAddress.getByName(host);
            if (!address.isAnyLocalAddress()) {
                return List.of(host);
            }
            boolean fourOnly = address instanceof Inet4Address;
            return NetworkInterface.networkInterfaces()
                    .filter(LocalInterfaces::isUp)
                    .flatMap(NetworkInterface::inetAddresses)
                    .filter(candidate -> !candidate.isLinkLocalAddress())
                    .filter(candidate -> !fourOnly || candidate instanceof Inet4Address)
                    .sorted(Comparator.comparing(InetAddress::isLoopbackAddress))
                    .map(InetAddress::getHostAddress)
                    .toList();
        } catch (UnknownHostException | SocketException e) {
            return List.of(host);
        }
    }

    private static boolean isUp(NetworkInterface candidate) {
        try {
            return candidate.isUp();
        } catch (SocketException e) {
            return false;
        }
    }
}
