package dev.hivemind.launcher;

import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.launcher.server.ServerCommand;
import dev.hivemind.samples.trainer.FashionMnist;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hivemind demo}: trains a mixture of experts that live in other processes, one of which is killed. */
@Command(
        name = "demo",
        description = {
            "Train a mixture of remote experts on pictures of clothes.",
            "Starts server processes that share the experts, trains on Fashion-MNIST through them, kills one server"
                    + " half way, and compares the result with the same model without experts."
        },
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind demo --steps 500 --compression int8")
final class DemoCommand implements Callable<Integer> {

    private static final int MAX_PORT = 0xFFFF;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "2000",
            converter = NumberConverters.Positive.class,
            description = "How many batches each model trains on. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides initial weights and the order of the pictures. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--servers",
            paramLabel = "N",
            defaultValue = "3",
            converter = NumberConverters.Positive.class,
            description = "How many server processes to start. Default: ${DEFAULT-VALUE}.")
    private int servers;

    @Option(
            names = "--experts",
            paramLabel = "N",
            defaultValue = "16",
            converter = NumberConverters.Positive.class,
            description = "How many experts they share. Default: ${DEFAULT-VALUE}.")
    private int experts;

    @Option(names = "--no-kill", description = "Leave all servers alive.")
    private boolean noKill;

    @Mixin
    private CompressionOption compression = new CompressionOption();

    @Option(
            names = "--dashboard-port",
            paramLabel = "PORT",
            converter = NumberConverters.NotNegative.class,
            description =
                    "Where browsers find the dashboard on this machine; 0 takes a free port. Default: 8080, or a free"
                            + " one if that is taken.")
    private @Nullable Integer dashboardPort;

    @Option(names = "--no-dashboard", description = "Do without the dashboard.")
    private boolean noDashboard;

    @Option(names = "--json", description = "Print one JSON object a line instead of text; the last is the result.")
    private boolean json;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Directory with the four files of Fashion-MNIST. Default: the bundled 20,000 pictures.")
    private @Nullable Path data;

    @Override
    public Integer call() throws InterruptedException {
        requireSensibleNumbers();
        DemoOptions options = options();
        try (FashionMnist pictures = data == null ? FashionMnist.bundled() : FashionMnist.from(data)) {
            var display = new DemoDisplay(System.out, json);
            display.say("Fashion-MNIST: %d pictures to train on, %d to test on."
                    .formatted(pictures.training().size(), pictures.test().size()));
            display.result(new Demo(options, pictures, display).run());
        }
        return ExitCodes.OK;
    }

    /** The options of the command line that was read. */
    DemoOptions options() {
        return new DemoOptions(
                steps,
                seed,
                servers,
                experts,
                !noKill,
                compression.value(),
                json,
                noDashboard ? null : DashboardPort.of(dashboardPort),
                data);
    }

    private void requireSensibleNumbers() {
        if (dashboardPort != null && dashboardPort > MAX_PORT) {
            throw new ParameterException(
                    spec.commandLine(), "A port is a number from 0 to %d, not %d.".formatted(MAX_PORT, dashboardPort));
        }
        if (experts > ServerCommand.MAX_EXPERTS) {
            throw new ParameterException(
                    spec.commandLine(),
                    "A prefix of the DHT holds at most %d experts, not %d."
                            .formatted(ServerCommand.MAX_EXPERTS, experts));
        }
        if (servers > experts) {
            throw new ParameterException(
                    spec.commandLine(),
                    "%d servers cannot share %d experts. Give --experts %d or more."
                            .formatted(servers, experts, servers));
        }
        if (servers == 1 && !noKill) {
            throw new ParameterException(
                    spec.commandLine(), "The only server would be killed half way. Add --no-kill or more --servers.");
        }
    }
}
