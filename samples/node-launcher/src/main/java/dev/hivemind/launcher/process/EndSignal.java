package dev.hivemind.launcher.process;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Waits for somebody to end this process: SIGTERM, or SIGINT from the keyboard. A second SIGINT halts at once. Signals are
 * reached by reflection, since Java has no public way; without it, they end the JVM as usual.
 */
public final class EndSignal {

    private static final Logger LOG = LoggerFactory.getLogger(EndSignal.class);
    private static final int OK = 0;
    private static final int INTERRUPTED = 130;

    private final CompletableFuture<Integer> exitCode = new CompletableFuture<>();

    private EndSignal() {}

    /** Listens from now on. */
    public static EndSignal listen() {
        var end = new EndSignal();
        end.handle("TERM", () -> end.exitCode.complete(OK));
        end.handle("INT", end::interrupt);
        return end;
    }

    private void interrupt() {
        if (!exitCode.complete(INTERRUPTED)) {
            Runtime.getRuntime().halt(INTERRUPTED);
        }
    }

    private void handle(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            InvocationHandler invoke = (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) {
                    action.run();
                }
                return null;
            };
            Object proxy = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, invoke);
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException | RuntimeException unsupported) {
            LOG.debug("Signal {} ends the process without draining", name, unsupported);
        }
    }

    /** Emits the code to end with, when the signal comes. Cancelling ends nobody else's waiting. */
    public Mono<Integer> arrival() {
        return Mono.fromFuture(exitCode, true);
    }

    /** Whether the signal has come. */
    public boolean hasArrived() {
        return exitCode.isDone();
    }

    /** Waits, and tells with which code to end. */
    public int await() throws InterruptedException {
        try {
            return exitCode.get();
        } catch (ExecutionException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
