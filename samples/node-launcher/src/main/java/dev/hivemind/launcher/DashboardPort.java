package dev.hivemind.launcher;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import org.jspecify.annotations.Nullable;

/**
 * Where the demo's dashboard is to be seen on this machine.
 *
 * @param number 0 takes a free one
 * @param isWish whether any other will do when it is taken
 */
record DashboardPort(int number, boolean isWish) {

    private static final int WISHED = 8080;

    /** The port that was asked for; if none was, the usual one. */
    static DashboardPort of(@Nullable Integer given) {
        return given == null ? new DashboardPort(WISHED, true) : new DashboardPort(given, false);
    }

    /** The port to take now. */
    int choose() {
        return isWish && !isFree() ? 0 : number;
    }

    private boolean isFree() {
        try (var socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), number));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
