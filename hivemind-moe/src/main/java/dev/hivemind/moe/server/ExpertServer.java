package dev.hivemind.moe.server;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.server.batching.BatchLimits;
import dev.hivemind.moe.server.batching.BatchingRuntime;
import dev.hivemind.moe.server.batching.DeviceThreads;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.frame.FrameCodec;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * Hosts experts on a node.
 *
 * <p>The server owns its experts and its device threads, on which it computes the calls of all callers in batches. It
 * borrows the node: close the server first. Safe for use from any thread.
 */
public final class ExpertServer {

    /** How often experts are declared unless told otherwise. */
    public static final Duration DEFAULT_ANNOUNCE_PERIOD = Duration.ofSeconds(30);

    /** How often the state of experts is saved unless told otherwise. */
    public static final Duration DEFAULT_CHECKPOINT_PERIOD = Duration.ofMinutes(1);

    private static final String DEVICE_NAME = "hivemind-device";

    private final PeerNode node;
    private final BatchingRuntime runtime;
    private final List<ExpertWatch> watches;
    private final Map<String, HostedExpert> experts;
    private final @Nullable ExpertAnnouncer announcer;
    private final @Nullable ExpertCheckpoints checkpoints;
    private final Admission admission = new Admission();
    private final Disposable.Swap handlers = Disposables.swap();
    private final Mono<Void> closing = Mono.defer(this::shutDown).cache();

    private ExpertServer(Builder builder, BatchLimits limits, @Nullable ExpertCheckpoints checkpoints) {
        this.node = builder.node;
        this.checkpoints = checkpoints;
        this.runtime = BatchingRuntime.create(builder.threads(), builder.maxQueuedBytes);
        this.watches = List.copyOf(builder.watches);
        this.experts = host(builder.backends, limits);
        this.announcer = builder.announcer(this::status);
    }

    private ExpertStatus status(ExpertUid uid) {
        ExpertStatus status = requireNonNull(experts.get(uid.toString())).status();
        return admission.isStopped() ? status.with(ExpertStatus.State.DRAINING) : status;
    }

    private Map<String, HostedExpert> host(Map<String, ExpertBackend> backends, BatchLimits limits) {
        Map<String, HostedExpert> hosted = new LinkedHashMap<>();
        backends.forEach((uid, backend) ->
                hosted.put(uid, HostedExpert.create(uid, backend, limits, runtime.newGroup(), watches)));
        return hosted;
    }

    /** Starts the description of a server on this node. Every setting has a default. */
    public static Builder builder(PeerNode node) {
        return new Builder(requireNonNull(node, "node"));
    }

    /**
     * The experts whose state is kept in a directory, by {@link Builder#checkpoints}. In the order of their names. Blocks for
     * files.
     *
     * @throws CheckpointException if there is such a directory, but it cannot be read
     */
    public static Set<ExpertUid> checkpointed(Path directory) {
        return CheckpointDirectory.kept(requireNonNull(directory, "directory"));
    }

    /** The interfaces of the experts by uid. */
    public Map<String, ExpertSchema> experts() {
        return experts.entrySet().stream()
                .collect(Collectors.toUnmodifiableMap(
                        Map.Entry::getKey, entry -> entry.getValue().schema()));
    }

    /**
     * Serves the node's callers from now on, declares the experts if a directory was given, and emits this server.
     *
     * <p>Errors: {@link IllegalStateException} if the node serves experts already, or the server is closed; those of
     * {@link ExpertDirectory#declare}.
     */
    public Mono<ExpertServer> start() {
        return Mono.fromRunnable(this::serve)
                .then(announcer == null ? Mono.empty() : announcer.start())
                .thenReturn(this);
    }

    private void serve() {
        if (handlers.isDisposed()) {
            throw new IllegalStateException("The server is closed");
        }
        handlers.update(new ExpertRequestHandler(experts, admission).register(node));
        watches.forEach(watch -> watch.started(experts));
        if (checkpoints != null) {
            checkpoints.start();
        }
    }

    /**
     * Declares the experts as draining, refuses new calls with an error that tells callers to go elsewhere, and completes
     * when all calls that were accepted have ended. {@link #close()} is still to follow. Cancelling does not open it again.
     */
    public Mono<Void> drain() {
        Mono<Void> declared = announcer == null ? Mono.empty() : announcer.tell();
        return Mono.defer(() -> admission.stop().and(declared));
    }

    /**
     * Withdraws the experts from the DHT, for which it takes at most two seconds, refuses new calls, fails those that wait
     * with an error that tells callers to go elsewhere, and frees the experts after the batch under way, and after a last
     * checkpoint if there are checkpoints. Idempotent; completes on a device thread.
     */
    public Mono<Void> close() {
        return closing;
    }

    private Mono<Void> shutDown() {
        Mono<Void> leave = announcer == null ? Mono.empty() : announcer.leave();
        return leave.then(Mono.defer(this::shutDownRuntime));
    }

    private Mono<Void> shutDownRuntime() {
        // Closed pools refuse with an error that sends callers elsewhere; no handler would be a protocol violation.
        return runtime.close(this::freeExperts).doOnTerminate(handlers::dispose);
    }

    private void freeExperts() {
        if (checkpoints != null) {
            checkpoints.close();
        }
        experts.values().forEach(expert -> expert.backend().close());
        watches.forEach(watch -> watch.ended(experts));
    }

    /** Collects the settings of a server. Not thread-safe. */
    public static final class Builder {

        private final PeerNode node;
        private final Map<String, ExpertBackend> backends = new LinkedHashMap<>();
        private int maxBatchSize = BatchLimits.DEFAULT_MAX_BATCH_SIZE;
        private OptionalInt maxQueuedRows = OptionalInt.empty();
        private long maxQueuedBytes = BatchingRuntime.DEFAULT_MAX_QUEUED_BYTES;
        private int minBatchSize = 1;
        private Duration linger = Duration.ZERO;
        private OptionalInt deviceThreads = OptionalInt.empty();
        private OptionalInt intraOpThreads = OptionalInt.empty();
        private @Nullable ExpertDirectory directory;
        private final List<ExpertWatch> watches = new ArrayList<>();
        private Duration announcePeriod = DEFAULT_ANNOUNCE_PERIOD;
        private @Nullable Path checkpointDirectory;
        private Duration checkpointPeriod = DEFAULT_CHECKPOINT_PERIOD;

        private Builder(PeerNode node) {
            this.node = node;
        }

        /** Where the server tells of its experts, their batches, and the calls that it refuses. Default: nowhere. */
        public Builder events(EventFeed events) {
            watches.add(new ExpertEvents(requireNonNull(events, "events"), System::nanoTime));
            return this;
        }

        /** Where the server measures its experts, as {@code docs/METERS.md} lists. Default: nowhere. */
        public Builder meters(MeterRegistry registry) {
            watches.add(new ExpertMeters(requireNonNull(registry, "registry")));
            return this;
        }

        /**
         * Hosts an expert, and takes the backend over.
         *
         * @param uid by which callers ask for it, 1 to 256 bytes of UTF-8
         */
        public Builder expert(String uid, ExpertBackend backend) {
            requireNonNull(backend, "backend");
            int bytes = uid.getBytes(StandardCharsets.UTF_8).length;
            if (bytes < 1 || bytes > FrameCodec.MAX_TARGET_BYTES) {
                throw new IllegalArgumentException(
                        "A uid has 1 to %d bytes, not %d".formatted(FrameCodec.MAX_TARGET_BYTES, bytes));
            }
            if (backends.putIfAbsent(uid, backend) != null) {
                throw new IllegalArgumentException("There are two experts '%s'".formatted(uid));
            }
            return this;
        }

        /** The most rows of one call and of one batch. Default: 4,096. */
        public Builder maxBatchSize(int rows) {
            this.maxBatchSize = rows;
            return this;
        }

        /**
         * The most rows that wait for one expert in one direction, at least a batch; one caller alone comes to half of
         * them. Default: four batches.
         */
        public Builder maxQueuedRows(int rows) {
            this.maxQueuedRows = OptionalInt.of(rows);
            return this;
        }

        /** The most bytes of tensors that wait for all experts; one caller alone comes to half of them. Default: 256 MiB. */
        public Builder maxQueuedBytes(long bytes) {
            this.maxQueuedBytes = bytes;
            return this;
        }

        /**
         * For batches of fewer rows a free device waits a while. Default: it does not wait.
         *
         * @param linger for which the oldest call waits at most, up to one minute; never more than half of its time
         */
        public Builder minBatchSize(int rows, Duration linger) {
            this.minBatchSize = rows;
            this.linger = requireNonNull(linger, "linger");
            return this;
        }

        /** How many experts are computed at a time. Default: one for each core, but not more than there are experts. */
        public Builder deviceThreads(int threads) {
            this.deviceThreads = OptionalInt.of(threads);
            return this;
        }

        /** Threads that share one operation of an expert. Default: the cores, divided among the device threads. */
        public Builder intraOpThreads(int threads) {
            this.intraOpThreads = OptionalInt.of(threads);
            return this;
        }

        /**
         * Keeps the experts declared in the DHT: at once, and again every period for twice as long. Their uids must then
         * be {@link ExpertUid}s. Default: they are not declared.
         *
         * @param directory of a DHT node that stands on this server's node; stays the caller's
         */
        public Builder announceIn(ExpertDirectory directory, Duration period) {
            if (period.isNegative() || period.isZero()) {
                throw new IllegalArgumentException("The period is positive, not " + period);
            }
            this.directory = requireNonNull(directory, "directory");
            this.announcePeriod = period;
            return this;
        }

        /**
         * Keeps the state of the experts in a directory, each in one of its own by its uid: what is there is loaded when the
         * server is built, and what has changed is saved every period and at the end. An expert there is one server's at a
         * time. Their uids must then be {@link ExpertUid}s. Default: nothing is kept.
         */
        public Builder checkpoints(Path directory, Duration period) {
            if (period.isNegative() || period.isZero()) {
                throw new IllegalArgumentException("The period is positive, not " + period);
            }
            this.checkpointDirectory = requireNonNull(directory, "directory");
            this.checkpointPeriod = period;
            return this;
        }

        private @Nullable ExpertCheckpoints checkpoints() {
            return checkpointDirectory == null
                    ? null
                    : ExpertCheckpoints.load(checkpointDirectory, checkpointPeriod, backends);
        }

        private @Nullable ExpertAnnouncer announcer(Function<ExpertUid, ExpertStatus> status) {
            if (directory == null) {
                return null;
            }
            List<ExpertUid> uids =
                    backends.keySet().stream().map(ExpertUid::new).toList();
            return new ExpertAnnouncer(directory, uids, status, announcePeriod);
        }

        private BatchLimits limits() {
            BatchLimits limits = BatchLimits.ofBatchSize(maxBatchSize).withMinBatchSize(minBatchSize, linger);
            return maxQueuedRows.isPresent() ? limits.withMaxQueuedRows(maxQueuedRows.getAsInt()) : limits;
        }

        private DeviceThreads threads() {
            int cores = Runtime.getRuntime().availableProcessors();
            int shared = Math.max(1, cores / Math.max(1, intraOpThreads.orElse(1)));
            int count = deviceThreads.orElse(
                    DeviceThreads.choose(DEVICE_NAME, backends.size(), shared).count());
            return new DeviceThreads(
                    DEVICE_NAME, count, intraOpThreads.orElse(Math.max(1, cores / Math.max(1, count))));
        }

        /**
         * The server, which serves nobody before {@link ExpertServer#start()} and owns its experts from now on. Blocks for
         * files if there are {@linkplain #checkpoints checkpoints}.
         *
         * @throws CheckpointException if there are checkpoints that cannot be used
         * @throws IllegalArgumentException if a setting is out of its bounds; the backends stay the caller's then
         */
        public ExpertServer build() {
            BatchLimits limits = limits();
            ExpertCheckpoints checkpoints = checkpoints();
            try {
                return new ExpertServer(this, limits, checkpoints);
            } catch (RuntimeException e) {
                if (checkpoints != null) {
                    checkpoints.abandon();
                }
                throw e;
            }
        }
    }
}
