package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.crawl.Crawl;
import dev.hivemind.dht.crawl.Visit;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.output.Listing;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code hivemind dht crawl}: visits every node of the DHT. */
@Command(
        name = "crawl",
        description =
                "Visit every node of the DHT, and list them: those that answer, and those that others still name.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind dht crawl --initial-peers 127.0.0.1:1337 --json")
final class DhtCrawlCommand implements Runnable {

    @Mixin
    private InitialPeers initialPeers = new InitialPeers();

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "60s",
            converter = DurationConverter.class,
            description = "How long to go on. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration timeout;

    @Option(names = "--json", description = "Print one JSON object a line instead of text.")
    private boolean json;

    @Override
    public void run() {
        try (var visitor = new Visitor()) {
            var listing = Listing.of(System.out, json, "peerId", "addresses", "answers", "millis", "knows");
            new Crawl(visitor.rpc())
                    .from(entrances(visitor))
                    .doOnNext(visit -> add(listing, visit))
                    .then()
                    .timeout(
                            timeout,
                            Mono.error(() -> new LauncherException(
                                    "There are more nodes than %d s are enough for: choose a longer --timeout"
                                            .formatted(timeout.toSeconds()))))
                    .block();
            listing.end();
        }
    }

    private static void add(Listing listing, Visit visit) {
        listing.add(
                visit.peer().peerId(),
                visit.peer().addresses(),
                visit.answers(),
                visit.took().toMillis(),
                visit.knows());
    }

    private List<Contact> entrances(Visitor visitor) {
        List<RpcException> failures = new ArrayList<>();
        List<Contact> met = Flux.fromIterable(initialPeers.addresses())
                .concatMap(address -> visitor.transport().meet(address).onErrorResume(RpcException.class, error -> {
                    failures.add(error);
                    return Mono.empty();
                }))
                .collectList()
                .block(Visitor.CALL_TIMEOUT.multipliedBy(
                        initialPeers.addresses().size() + 1L));
        if (met == null || met.isEmpty()) {
            throw failures.isEmpty()
                    ? new PeerUnavailableException("None of the initial peers answers")
                    : failures.get(0);
        }
        return met;
    }
}
