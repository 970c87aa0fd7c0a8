package dev.hivemind.benchmarks;

import dev.hivemind.benchmarks.autograd.AutogradBenchmark;
import dev.hivemind.benchmarks.codec.CodecBenchmark;
import dev.hivemind.benchmarks.dht.DhtBenchmark;
import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Machine;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.PrintedReport;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.mixture.MixtureBenchmark;
import dev.hivemind.benchmarks.pipeline.PipelineBenchmark;
import dev.hivemind.benchmarks.throughput.ThroughputBenchmark;
import dev.hivemind.benchmarks.wire.WireBenchmark;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command {@code benchmarks/run}: runs one benchmark and prints its rows. */
@Command(
        name = "benchmarks/run",
        description = "Measure Hivemind beside its yardsticks.",
        sortOptions = false,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:all was measured", "1:a benchmark failed", "2:the command line is wrong"})
public final class Benchmarks implements Callable<Integer> {

    private static final List<Benchmark> ALL = List.of(
            new WireBenchmark(),
            new CodecBenchmark(),
            new ThroughputBenchmark(),
            new AutogradBenchmark(),
            new DhtBenchmark(),
            new MixtureBenchmark(),
            new PipelineBenchmark());
    private static final int QUICK_REPETITIONS = 2;
    private static final int REPETITIONS = 5;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Parameters(paramLabel = "NAME", arity = "0..1", description = "Which benchmark.")
    private @Nullable String name;

    @Option(names = "--json", description = "Print one JSON object a line.")
    private boolean json;

    @Option(names = "--quick", description = "Measure briefly: shows that it works, not how fast.")
    private boolean quick;

    @Option(names = "--reps", paramLabel = "N", description = "Repetitions. Default: 5; 2 with --quick.")
    private @Nullable Integer repetitions;

    @Option(
            names = "--filter",
            paramLabel = "REGEX",
            defaultValue = "",
            description = "Rows to measure, such as 'sink/65536'. Default: all.")
    @SuppressWarnings("NullAway.Init")
    private Pattern filter;

    @Option(names = "--preset", paramLabel = "NAME", description = "One preset of throughput. Default: all.")
    private @Nullable String preset;

    @Option(names = "--nodes", paramLabel = "N", split = ",", description = "Sizes of swarms. Default: 32,128,512.")
    private @Nullable List<Integer> nodes;

    @Option(
            names = "--soak",
            paramLabel = "MINUTES",
            description = "How long pipeline trains to see memory grow. Default: not at all.")
    private @Nullable Integer soakMinutes;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this.")
    @SuppressWarnings("UnusedVariable") // picocli reads it
    private boolean help;

    Benchmarks() {}

    /** Runs the command line and ends the JVM with its exit code. */
    public static void main(String[] arguments) {
        var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        System.exit(run(out, err, arguments));
    }

    static int run(PrintWriter out, PrintWriter err, String... arguments) {
        return new CommandLine(new Benchmarks()).setOut(out).setErr(err).execute(arguments);
    }

    @Override
    public Integer call() throws Exception {
        Benchmark benchmark = chosen();
        Plan plan = plan();
        Report report = report();
        report.row(Machine.describe(benchmark, plan));
        benchmark.run(plan, report);
        return CommandLine.ExitCode.OK;
    }

    private Benchmark chosen() {
        Benchmark benchmark = named();
        if (benchmark instanceof DhtBenchmark && nodes != null) {
            return new DhtBenchmark(nodes);
        }
        if (benchmark instanceof PipelineBenchmark && soakMinutes != null) {
            return new PipelineBenchmark(Duration.ofMinutes(soakMinutes));
        }
        return benchmark;
    }

    private Benchmark named() {
        return ALL.stream()
                .filter(benchmark -> benchmark.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new ParameterException(spec.commandLine(), names()));
    }

    private static String names() {
        return ALL.stream()
                .map(benchmark -> "  %-12s %s".formatted(benchmark.name(), benchmark.description()))
                .collect(Collectors.joining("\n", "The benchmarks are:\n", "\n"));
    }

    private Plan plan() {
        Integer wanted = repetitions;
        if (wanted != null && wanted < 1) {
            throw new ParameterException(spec.commandLine(), "--reps is at least 1");
        }
        return quick
                ? Plan.quick(wanted != null ? wanted : QUICK_REPETITIONS, rows())
                : Plan.thorough(wanted != null ? wanted : REPETITIONS, rows());
    }

    private Pattern rows() {
        if (preset == null) {
            return filter;
        }
        if (!ThroughputBenchmark.presets().contains(preset)) {
            throw new ParameterException(
                    spec.commandLine(), "The presets are: " + String.join(", ", ThroughputBenchmark.presets()));
        }
        return Pattern.compile("^" + Pattern.quote(preset) + "$");
    }

    private Report report() {
        PrintWriter rows = spec.commandLine().getOut();
        PrintWriter progress = spec.commandLine().getErr();
        return json ? PrintedReport.ofJson(rows, progress) : PrintedReport.ofText(rows, progress);
    }
}
