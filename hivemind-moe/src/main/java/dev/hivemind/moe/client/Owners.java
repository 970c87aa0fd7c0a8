package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * The peers that host one expert, and what it takes and gives. Of an expert that can be trained, the peer that declared
 * it last is the owner, and no other is called once it has said so. Calls of a frozen one take turns among all that host
 * it frozen and with the same interface, and leave those alone that failed of late. Thread-safe.
 *
 * <p>The word of the latest owner counts as soon as it is there. Until then a frozen one stands in: for all callers if the
 * latest failed, and only for those who cannot wait if it merely is not as fast as they are. Who was silent for less than
 * a fair time did not fail.
 */
final class Owners {

    /** Of the client's own part of the time for one of several owners. */
    private static final int FAIR_PART = 4;

    private final List<Owner> all;
    private final Owner latest;
    private final Duration clientsShare;
    private final AtomicInteger turns = new AtomicInteger();
    private volatile @Nullable Owner standIn;

    /**
     * @param descriptors of one uid, at least one, the latest declared first
     * @param policy for questions about the schema
     * @param backoff peers that failed of late; learns of others
     */
    Owners(PeerNode node, List<ExpertDescriptor> descriptors, CallPolicy policy, Backoff<PeerId> backoff) {
        this.all = descriptors.stream()
                .map(descriptor -> new Owner(node, descriptor, policy, backoff))
                .toList();
        this.latest = all.get(0);
        this.clientsShare = share(policy.forwardTimeout());
    }

    /** How long one of several owners is waited for before another is tried: all but one may be silent. */
    private Duration share(Duration time) {
        return time.dividedBy(all.size() + 1L);
    }

    private boolean isFair(Duration time) {
        return time.compareTo(clientsShare.dividedBy(FAIR_PART)) >= 0;
    }

    ExpertUid uid() {
        return latest.uid();
    }

    /** The peer that is called as long as nothing speaks for another. */
    PeerId preferred() {
        Owner speaker = anySpeaker();
        return (speaker == null ? candidates(clientsShare).element() : speaker).peerId();
    }

    /** Whether no other than {@link #preferred()} is ever called: the latest. */
    boolean isOne() {
        ExpertSchema told = latest.told();
        return all.size() == 1 || (told != null && told.trainable());
    }

    /** What the expert takes and gives, if that needs not be asked. */
    @Nullable ExpertSchema knownSchema() {
        Owner speaker = speaker();
        return speaker == null ? null : speaker.told();
    }

    /** Whose word counts for all. */
    private @Nullable Owner speaker() {
        return latest.told() == null ? standIn : latest;
    }

    /** Whose word counts for those who cannot wait. */
    private @Nullable Owner anySpeaker() {
        Owner speaker = speaker();
        for (int i = 0; speaker == null && i < all.size(); i++) {
            ExpertSchema told = all.get(i).told();
            speaker = told == null || told.trainable() ? null : all.get(i);
        }
        return speaker;
    }

    /**
     * What the expert takes and gives; every owner is asked once, by whoever comes first, and again if all who wait for its
     * answer give up. Failures are not remembered.
     *
     * @param time of which each of several owners but the last has an equal part
     * @param toBlame is told who is asked and, before an error is emitted, whose that is
     */
    Mono<ExpertSchema> schema(Duration time, Consumer<PeerId> toBlame) {
        return Mono.defer(() -> {
            ExpertSchema known = knownSchema();
            return known == null ? new Question(time, toBlame).ask() : Mono.just(known);
        });
    }

    /** Those come last that failed of late, or were silent for longer already than they are waited for. */
    private Deque<Owner> candidates(Duration share) {
        return all.stream()
                .sorted(Comparator.comparing(owner -> isLeftAlone(owner, share)))
                .collect(Collectors.toCollection(ArrayDeque::new));
    }

    private static boolean isLeftAlone(Owner owner, Duration share) {
        return owner.isBanned() || owner.silentFor().compareTo(share) >= 0;
    }

    /** What is left of an owner's part; all of it if that is over, and nobody else to turn to. */
    private static Duration left(Owner owner, Duration share) {
        Duration left = share.minus(owner.silentFor());
        return left.isNegative() || left.isZero() ? share : left;
    }

    /** An error, after which another is tried, when one of several keeps silent for its part of the time. */
    private <T> Mono<T> inTime(Owner owner, Duration part, Deadline deadline, Mono<T> answer) {
        if (all.size() == 1) {
            return answer;
        }
        Duration remaining = deadline.remaining();
        Duration bound = remaining.compareTo(part) < 0 ? remaining : part;
        return answer.doOnError(error -> owner.recordFailure(error, isFair(bound)))
                .timeout(bound, Mono.error(() -> silence(owner, bound, deadline)));
    }

    private RpcException silence(Owner owner, Duration waited, Deadline deadline) {
        boolean hadFairTime = isFair(waited) || isFair(owner.silentFor());
        String message =
                "Peer %s keeps silent about %s".formatted(owner.peerId().toShortString(), owner.uid());
        RpcException error = deadline.isPast() || !hadFairTime
                ? new DeadlineExceededException(message)
                : new PeerUnavailableException(message);
        owner.recordFailure(error, hadFairTime);
        return error;
    }

    /** Where a call begins to look for an owner; attempts after the first count on from here. */
    int nextTurn() {
        return turns.getAndIncrement() & Integer.MAX_VALUE;
    }

    /**
     * Does something over a connection to an owner.
     *
     * @param turn decides among several owners
     * @param request whose time it is
     * @param asked is told which one it is, before anything is sent
     */
    <T> Mono<T> call(int turn, PendingRequest request, Consumer<PeerId> asked, Function<PeerConnection, Mono<T>> call) {
        Deadline deadline = request.deadline();
        if (isOne()) {
            asked.accept(latest.peerId());
            return latest.connect(deadline).flatMap(call);
        }
        Owner speaker = anySpeaker();
        ExpertSchema expected = speaker == null ? null : speaker.told();
        if (expected == null) {
            return Mono.error(new IllegalStateException("The schema comes first"));
        }
        Duration share = share(request.timeout());
        Owner owner = takingTurns(turn, share);
        asked.accept(owner.peerId());
        Mono<PeerConnection> ready = owner.schema()
                .onErrorMap(UnknownExpertException.class, Owners::asUnavailable)
                .flatMap(schema -> requireAlike(expected, schema, owner))
                .flatMap(alike -> owner.connect(deadline));
        return inTime(owner, left(owner, share), deadline, ready)
                .flatMap(connection -> answer(owner, deadline.remaining(), call.apply(connection)));
    }

    private Owner takingTurns(int turn, Duration share) {
        for (int i = 0; i < all.size(); i++) {
            Owner owner = all.get((turn + i & Integer.MAX_VALUE) % all.size());
            if (!isLeftAlone(owner, share)) {
                return owner;
            }
        }
        return all.get((turn & Integer.MAX_VALUE) % all.size());
    }

    private <T> Mono<T> answer(Owner owner, Duration time, Mono<T> answer) {
        return answer.doOnNext(received -> owner.recordSuccess())
                .onErrorMap(UnknownExpertException.class, Owners::asUnavailable)
                .doOnError(error -> owner.recordFailure(error, isFair(time)));
    }

    /** The latest may learn, but the call must have been made for such an expert. */
    private Mono<ExpertSchema> requireAlike(ExpertSchema expected, ExpertSchema actual, Owner owner) {
        boolean alike =
                actual.inputs().equals(expected.inputs()) && actual.outputs().equals(expected.outputs());
        if (alike && (owner == latest || !actual.trainable())) {
            return Mono.just(actual);
        }
        String message = "Peer %s hosts another expert by the name of %s"
                .formatted(owner.peerId().toShortString(), owner.uid());
        return Mono.error(
                owner == latest
                        ? new SchemaMismatchException(message)
                        : asUnavailable(new UnknownExpertException(message)));
    }

    /** Others may host it still. */
    private static PeerUnavailableException asUnavailable(UnknownExpertException gone) {
        return new PeerUnavailableException("An owner does not host the expert (any more)", gone);
    }

    /** One caller's way from owner to owner, until one says what the expert takes and gives. */
    private final class Question {

        private final Duration share;
        private final Deque<Owner> candidates;
        private final Deadline deadline;
        private final Consumer<PeerId> toBlame;
        private @Nullable Refusal first;

        /** The latest had less than a fair time. */
        private boolean hurried;

        Question(Duration time, Consumer<PeerId> toBlame) {
            this.share = share(time);
            this.candidates = candidates(share);
            this.deadline = Deadline.after(time);
            this.toBlame = toBlame;
        }

        /** The first that answers; others than the latest only if they are frozen. */
        Mono<ExpertSchema> ask() {
            Owner owner = candidates.poll();
            if (owner == null) {
                return Mono.error(blamed(requireNonNull(first, "the latest owner answers or fails")));
            }
            toBlame.accept(owner.peerId());
            Duration part = candidates.isEmpty() ? deadline.remaining() : left(owner, share);
            return inTime(owner, part, deadline, owner.schema())
                    .filter(schema -> owner == latest || !schema.trainable())
                    .map(schema -> heard(owner, schema))
                    .onErrorResume(RpcException.class, error -> {
                        failed(owner, error);
                        return ask();
                    })
                    .switchIfEmpty(Mono.defer(this::ask));
        }

        /** One that was only too slow for this caller may answer yet, and others may wait for it. */
        private ExpertSchema heard(Owner owner, ExpertSchema schema) {
            boolean latestIsSlow = hurried || (latest.isBeingAsked() && !latest.isBanned());
            if (standIn == null && owner != latest && !latestIsSlow) {
                standIn = owner;
            }
            ExpertSchema known = knownSchema();
            return known == null ? schema : known;
        }

        private void failed(Owner owner, RpcException error) {
            hurried |= owner == latest && error instanceof DeadlineExceededException && !latest.isBanned();
            if (first == null) {
                first = new Refusal(owner.peerId(), error);
            }
        }

        private RpcException blamed(Refusal refusal) {
            toBlame.accept(refusal.peer);
            return refusal.error;
        }
    }

    private record Refusal(PeerId peer, RpcException error) {}
}
