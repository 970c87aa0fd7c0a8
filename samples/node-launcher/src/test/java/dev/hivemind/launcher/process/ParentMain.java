package dev.hivemind.launcher.process;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * A parent for tests: starts two children and, when its input ends or speaks, does what it is told. Arguments: how the
 * children behave, the port of their {@link Lifeline}, what to do.
 */
final class ParentMain {

    private ParentMain() {}

    public static void main(String[] arguments) throws Exception {
        ChildProcesses children = ChildProcesses.of(ChildMain.class);
        ServerProcess one = children.start("one", List.of(arguments[0], arguments[1]));
        ServerProcess two = children.start("two", List.of(arguments[0], arguments[1]));
        one.awaitReady(Duration.ofSeconds(30));
        two.awaitReady(Duration.ofSeconds(30));
        System.in.read();
        switch (arguments[2]) {
            case "wait" -> new CountDownLatch(1).await();
            case "exit" -> System.exit(0);
            case "throw" -> throw new IllegalStateException("The parent fails");
            default -> throw new IllegalArgumentException(arguments[2]);
        }
    }
}
