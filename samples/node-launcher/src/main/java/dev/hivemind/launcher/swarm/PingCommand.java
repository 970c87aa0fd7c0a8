package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.Pong;
import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.error.RpcNonTransientException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Mono;

/** {@code hivemind ping}: asks one peer whether it lives, who it is, and what time it has. */
@Command(
        name = "ping",
        description = "Ask a peer who it is, and how long its answers take.",
        footer = "%nExample: hivemind ping 127.0.0.1:1337")
public final class PingCommand extends HivemindCommand implements Runnable {

    @Parameters(
            index = "0",
            paramLabel = "HOST:PORT",
            converter = AddressConverter.OfPeer.class,
            description = "Where the peer listens.")
    @SuppressWarnings("NullAway.Init")
    private PeerAddress peer;

    @Mixin
    private JsonOption json = new JsonOption();

    @Override
    public void run() {
        try (var visitor = new Visitor()) {
            show(ping(visitor, visitor.connect(peer)));
        }
    }

    private static Result ping(Visitor visitor, PeerConnection connection) {
        Contact contact = Contact.of(connection.peerId(), connection.listenAddresses());
        long start = System.nanoTime();
        Optional<Pong> pong = visitor.rpc()
                .ping(contact)
                .map(answer -> Optional.of(answer.reply()))
                .onErrorResume(RpcNonTransientException.class, noDht -> Mono.just(Optional.empty()))
                .blockOptional(Visitor.CALL_TIMEOUT)
                .orElseThrow();
        Duration roundTrip = pong.isPresent() ? Duration.ofNanos(System.nanoTime() - start) : connection.roundTrip();
        Duration ahead = pong.map(answer -> Duration.between(Instant.now(), answer.clock()))
                .orElse(null);
        return new Result(
                connection.peerId().toString(), connection.listenAddresses(), roundTrip, pong.isPresent(), ahead);
    }

    private void show(Result result) {
        if (json.isGiven()) {
            new JsonLines(System.out).write(result.fields(peer));
            return;
        }
        say(String.format(
                Locale.ROOT,
                "Peer %s answers at %s after %.1f ms%s.",
                result.peerId(),
                peer,
                millis(result.roundTrip()),
                result.dht() ? "" : ", and is no node of a DHT"));
    }

    private static double millis(Duration duration) {
        return duration.toNanos() / 1e6;
    }

    private record Result(
            String peerId,
            List<PeerAddress> addresses,
            Duration roundTrip,
            boolean dht,
            @Nullable Duration clockAhead) {

        Map<String, @Nullable Object> fields(PeerAddress peer) {
            Map<String, @Nullable Object> fields = new LinkedHashMap<>();
            fields.put("peer", peer);
            fields.put("peerId", peerId);
            fields.put("addresses", addresses);
            fields.put("roundTripMillis", millis(roundTrip));
            fields.put("dht", dht);
            fields.put("clockAheadMillis", clockAhead == null ? null : clockAhead.toMillis());
            return fields;
        }
    }
}
