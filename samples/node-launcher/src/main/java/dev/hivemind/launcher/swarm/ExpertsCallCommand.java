package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.swarm.TimedExpertCall.Result;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code hivemind experts call}: one call of an expert, and where its time went. */
@Command(
        name = "call",
        description = "Call an expert once, and show how long that took where.",
        footer = "%nExample: hivemind experts call ffn.3.17 --rows 64 --initial-peers 127.0.0.1:1337")
final class ExpertsCallCommand extends ExpertCommand {

    @Option(
            names = "--input",
            paramLabel = "FILE.npy",
            defaultValue = "random",
            description = "An array of float32 to call it with, or random. Default: ${DEFAULT-VALUE}.")
    private String input = "";

    @Option(
            names = "--rows",
            paramLabel = "N",
            defaultValue = "1",
            converter = NumberConverters.Positive.class,
            description = "How many rows random input has. Default: ${DEFAULT-VALUE}.")
    private int rows;

    @Option(
            names = "--backward",
            description = "Ask for the gradients of the inputs instead, where those of the outputs are one. Trains the"
                    + " expert.")
    private boolean backward;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "How long to wait for the answer. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration timeout;

    @Override
    void visit(Visitor visitor, List<PeerAddress> initialPeers) {
        ExpertDescriptor owner = owners(visitor, initialPeers, timeout).get(0);
        PeerConnection connection = Visitor.await(visitor.node().connect(owner.peerId(), owner.addresses()), timeout);
        ExpertSchema schema = Visitor.await(ExpertsShowCommand.schema(connection, uid()), timeout);
        var inputs = input.equals("random") ? CallInput.random(schema, rows) : CallInput.file(schema, input);
        show(owner, new TimedExpertCall(connection, uid(), timeout).run(schema, inputs, backward));
    }

    private void show(ExpertDescriptor owner, Result result) {
        if (isJson()) {
            new JsonLines(System.out).write(fields(owner, result));
            return;
        }
        var out = out();
        out.printf(
                "%s of %s at peer %s%n",
                backward ? "Backward" : "Forward", uid(), owner.peerId().toShortString());
        out.printf(Locale.ROOT, "round trip  %s%n", millis(result.roundTrip()));
        out.printf(Locale.ROOT, "queue       %s%n", millis(result.queue()));
        out.printf(Locale.ROOT, "compute     %s%n", millis(result.compute()));
        out.printf(Locale.ROOT, "sent        %d bytes%n", result.sentBytes());
        out.printf(Locale.ROOT, "received    %d bytes, %s%n", result.receivedBytes(), result.shapes());
        out.flush();
    }

    private Map<String, @Nullable Object> fields(ExpertDescriptor owner, Result result) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("uid", uid());
        fields.put("peerId", owner.peerId());
        fields.put("operation", backward ? "backward" : "forward");
        fields.put("roundTripMillis", number(result.roundTrip()));
        fields.put("queueMillis", number(result.queue()));
        fields.put("computeMillis", number(result.compute()));
        fields.put("sentBytes", result.sentBytes());
        fields.put("receivedBytes", result.receivedBytes());
        fields.put("shapes", result.shapes());
        return fields;
    }

    private static @Nullable Double number(@Nullable Duration duration) {
        return duration == null ? null : duration.toNanos() / 1e6;
    }

    private static String millis(@Nullable Duration duration) {
        return duration == null
                ? "not told by the peer"
                : String.format(Locale.ROOT, "%.2f ms", duration.toNanos() / 1e6);
    }
}
