package dev.hivemind.launcher.process;

import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/** A child for tests. Arguments: what to do, and the port of a {@link Lifeline} if it is to live on. */
final class ChildMain {

    private ChildMain() {}

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "serve" -> serve(Integer.parseInt(arguments[1]), true);
            case "serve-deaf" -> serve(Integer.parseInt(arguments[1]), false);
            case "silent" -> liveOn(Integer.parseInt(arguments[1]), true);
            case "bad-ready" -> {
                System.out.println("{\"event\":\"ready\",\"addresses\":[]}");
                ParentWatch.start(Duration.ofSeconds(1));
                new CountDownLatch(1).await();
            }
            case "hooked" -> {
                Runtime.getRuntime().addShutdownHook(new Thread(ChildMain::neverEnd));
                serve(Integer.parseInt(arguments[1]), true);
            }
            case "fail" -> {
                System.out.println("not json");
                System.err.println("first line");
                System.err.println("hivemind: Cannot listen on 127.0.0.1:80.");
                System.exit(4);
            }
            case "vanish" -> System.exit(0);
            case "environment" -> {
                System.err.println(System.getenv("OPT_OUT_TRACKING") + " " + System.getProperty("ai.djl.offline"));
                System.exit(1);
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void serve(int port, boolean watch) throws InterruptedException {
        System.out.println("starting");
        System.out.println("{\"event\":\"ready\",\"addresses\":[\"127.0.0.1:%d\"]}".formatted(port));
        for (int i = 0; i < 20_000; i++) {
            System.out.println("{\"event\":\"batch\"}");
        }
        liveOn(port, watch);
    }

    private static void liveOn(int port, boolean watch) throws InterruptedException {
        if (watch) {
            ParentWatch.start(Duration.ofSeconds(1));
        }
        Socket lifeline = Lifeline.hold(port);
        new CountDownLatch(1).await();
        throw new AssertionError("unreachable " + lifeline);
    }

    private static void neverEnd() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }
}
