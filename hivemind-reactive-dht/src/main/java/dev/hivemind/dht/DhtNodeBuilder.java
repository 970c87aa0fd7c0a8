package dev.hivemind.dht;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.RecordValidator;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** Collects the settings of a {@link DhtNode}. Not thread-safe. */
public final class DhtNodeBuilder {

    private final DhtTransport transport;
    private int bucketSize = DhtConfig.DEFAULT_BUCKET_SIZE;
    private int depthModulo = DhtConfig.DEFAULT_DEPTH_MODULO;
    private int alpha = DhtConfig.DEFAULT_ALPHA;
    private int replicas = DhtConfig.DEFAULT_REPLICAS;
    private int acknowledgements;
    private List<PeerAddress> initialPeers = List.of();
    private Duration requestTimeout = DhtConfig.DEFAULT_REQUEST_TIMEOUT;
    private Duration softTimeout = DhtConfig.DEFAULT_SOFT_TIMEOUT;
    private Duration maxTtl = Lifetimes.MAX_TTL;
    private Duration refreshPeriod = DhtConfig.DEFAULT_REFRESH_PERIOD;
    private int maxRecords = DhtConfig.DEFAULT_MAX_RECORDS;
    private long maxRecordBytes = DhtConfig.DEFAULT_MAX_RECORD_BYTES;
    private Clock clock = Clock.systemUTC();

    private @Nullable Scheduler scheduler;

    private @Nullable Path contactFile;

    private RecordValidator validator = RecordValidator.ANY;
    private Scheduler results = Schedulers.parallel();

    DhtNodeBuilder(DhtTransport transport) {
        this.transport = transport;
    }

    /** Kademlia's k: contacts in a bucket, and peers that a lookup finds; 1 to 128. Default: 20. */
    public DhtNodeBuilder bucketSize(int bucketSize) {
        this.bucketSize = bucketSize;
        return this;
    }

    /** Kademlia's b: how many bits finer the table resolves far ranges; more means fewer hops. Default: 1. */
    public DhtNodeBuilder depthModulo(int depthModulo) {
        this.depthModulo = depthModulo;
        return this;
    }

    /** How many requests of one lookup are under way at once; 1 to 32. Default: 3. */
    public DhtNodeBuilder alpha(int alpha) {
        this.alpha = alpha;
        return this;
    }

    /** At how many peers a record is stored; 1 to 128. Default: 8. */
    public DhtNodeBuilder replicas(int replicas) {
        this.replicas = replicas;
        return this;
    }

    /**
     * How many copies a store waits for, 1 to the replicas; the others are made after its caller was told. Default:
     * three quarters of the replicas.
     */
    public DhtNodeBuilder acknowledgements(int acknowledgements) {
        this.acknowledgements = acknowledgements;
        return this;
    }

    /** Where to enter the DHT. Default: nowhere, the node is the first. */
    public DhtNodeBuilder initialPeers(Collection<PeerAddress> initialPeers) {
        this.initialPeers = List.copyOf(initialPeers);
        return this;
    }

    /** After which a call to a peer has failed, dialling included. Default: 3 s. */
    public DhtNodeBuilder requestTimeout(Duration requestTimeout) {
        this.requestTimeout = requireNonNull(requestTimeout, "requestTimeout");
        return this;
    }

    /**
     * After which a call to a peer no longer holds a lookup up, though its answer still counts. A store has twice as long,
     * and then the record goes to one more peer. Default: 250 ms.
     */
    public DhtNodeBuilder softTimeout(Duration softTimeout) {
        this.softTimeout = requireNonNull(softTimeout, "softTimeout");
        return this;
    }

    /** The longest life of a record that is stored or believed; at most and by default 24 h. */
    public DhtNodeBuilder maxTtl(Duration maxTtl) {
        this.maxTtl = requireNonNull(maxTtl, "maxTtl");
        return this;
    }

    /** How often the node visits all ranges of its table, to fill them anew. Default: 10 min. */
    public DhtNodeBuilder refreshPeriod(Duration refreshPeriod) {
        this.refreshPeriod = requireNonNull(refreshPeriod, "refreshPeriod");
        return this;
    }

    /** How many records to keep for others, subkeys counted one by one. Default: 262,144. */
    public DhtNodeBuilder maxRecords(int maxRecords) {
        this.maxRecords = maxRecords;
        return this;
    }

    /** How many bytes of records to keep for others. Default: 256 MiB. */
    public DhtNodeBuilder maxRecordBytes(long maxRecordBytes) {
        this.maxRecordBytes = maxRecordBytes;
        return this;
    }

    /** Tells what has expired. Default: the system's. */
    public DhtNodeBuilder clock(Clock clock) {
        this.clock = requireNonNull(clock, "clock");
        return this;
    }

    /** Where the node's loop runs; stays the caller's. Default: an own thread. */
    public DhtNodeBuilder scheduler(Scheduler scheduler) {
        this.scheduler = requireNonNull(scheduler, "scheduler");
        return this;
    }

    /**
     * Where to remember contacts every five minutes and when the node closes, so that it finds the DHT again after a
     * restart without any initial peer. Default: nowhere.
     */
    public DhtNodeBuilder contactFile(Path contactFile) {
        this.contactFile = requireNonNull(contactFile, "contactFile");
        return this;
    }

    /** Which records to keep and to believe, besides what signatures say. Default: all. */
    public DhtNodeBuilder validator(RecordValidator validator) {
        this.validator = requireNonNull(validator, "validator");
        return this;
    }

    /** Where results are emitted, signatures checked and deadlines measured; stays the caller's. Default: Reactor's parallel scheduler. */
    public DhtNodeBuilder resultsOn(Scheduler results) {
        this.results = requireNonNull(results, "results");
        return this;
    }

    /**
     * The node, which does nothing before {@link DhtNode#start()}.
     *
     * @throws IllegalArgumentException if a setting is out of its bounds
     */
    public DhtNode build() {
        var config = new DhtConfig(
                bucketSize,
                depthModulo,
                alpha,
                replicas,
                acknowledgements == 0 ? (3 * replicas + 3) / 4 : acknowledgements,
                initialPeers,
                requestTimeout,
                softTimeout,
                maxTtl,
                refreshPeriod,
                maxRecords,
                maxRecordBytes);
        var surroundings = new NodeSurroundings(
                transport, clock, NodeSchedulers.of(scheduler, results), validator, new ContactFile(contactFile));
        return new DhtNode(config, surroundings);
    }
}
