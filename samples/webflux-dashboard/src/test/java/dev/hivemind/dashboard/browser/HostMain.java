package dev.hivemind.dashboard.browser;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;

/**
 * A {@link SwarmHost} in a process of its own, for tests that kill it. Its arguments are the address of a peer and the names
 * of its experts. It prints its address when it is there, and ends with its parent.
 */
final class HostMain {

    private HostMain() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) {
        SwarmHost host = SwarmHost.start(
                PeerAddress.parse(arguments[0]), Arrays.asList(arguments).subList(1, arguments.length));
        System.out.println(HostProcess.READY + host.address());
        awaitEndOfInput();
        Runtime.getRuntime().halt(0);
    }

    /** The parent holds the other end of standard input, which the system closes when it ends, however that happens. */
    private static void awaitEndOfInput() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException broken) {
            // As good as the end.
        }
    }
}
