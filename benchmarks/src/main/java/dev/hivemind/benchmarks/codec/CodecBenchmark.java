package dev.hivemind.benchmarks.codec;

import dev.hivemind.benchmarks.harness.Benchmark;
import dev.hivemind.benchmarks.harness.Interleaved;
import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Report;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import dev.hivemind.rsocket.compression.Compression;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Speed and error of every codec for an 8 MiB tensor of float32, encoded and decoded by one thread. */
public final class CodecBenchmark implements Benchmark {

    /** The yardstick, a case like the others. */
    private static final String TWO_COPIES = "memcpy";

    @Override
    public String name() {
        return "codec";
    }

    @Override
    public String description() {
        return "Compression of tensors beside two copies of the same memory.";
    }

    @Override
    public void run(Plan plan, Report report) throws Exception {
        List<Compression> codecs = selected(plan);
        if (codecs.isEmpty()) {
            return;
        }
        report.progress("codec: all in turns");
        try (var tensor = new NormalTensor()) {
            Map<String, Interleaved.Case<Double>> cases = new LinkedHashMap<>();
            cases.put(TWO_COPIES, time -> Speed.of(tensor::copyTwice, NormalTensor.BYTES, time));
            codecs.forEach(codec -> cases.put(
                    codec.toString(), time -> Speed.of(() -> tensor.roundTrip(codec), NormalTensor.BYTES, time)));
            report(Interleaved.run(cases, plan), codecs, tensor, report);
        }
    }

    private static List<Compression> selected(Plan plan) {
        List<Compression> codecs = new ArrayList<>(List.of(Compression.NONE));
        codecs.addAll(Compression.all());
        codecs.removeIf(codec -> !plan.selects(codec.toString()));
        return codecs;
    }

    private static void report(
            Map<String, List<Double>> speeds, List<Compression> codecs, NormalTensor tensor, Report report) {
        Series copies = series(speeds, TWO_COPIES);
        report.row(new Row().put("codec", TWO_COPIES).put("roundTripGBps", copies));
        for (Compression codec : codecs) {
            Series speed = series(speeds, codec.toString());
            report.row(new Row()
                    .put("codec", codec.toString())
                    .put("roundTripGBps", speed)
                    .put("memcpyRatio", speed.over(copies))
                    .put("mse", tensor.meanSquareError(codec)));
        }
    }

    private static Series series(Map<String, List<Double>> speeds, String name) {
        return Series.of(speeds.getOrDefault(name, List.of()), speed -> speed);
    }
}
