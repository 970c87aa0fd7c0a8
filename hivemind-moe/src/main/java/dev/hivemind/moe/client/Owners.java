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
 * it last is the owner, and no other is ever called. Calls of a frozen one take turns among all that host it frozen and
 * with the same interface, and leave those alone that failed of late. Thread-safe.
 */
final class Owners {

    private final List<Owner> all;
    private final Backoff<PeerId> backoff;
    private final AtomicInteger turns = new AtomicInteger();
    private volatile @Nullable Choice known;

    /**
     * @param descriptors of one uid, at least one, the latest declared first
     * @param policy for questions about the schema
     * @param backoff peers that failed of late; learns of others
     */
    Owners(PeerNode node, List<ExpertDescriptor> descriptors, CallPolicy policy, Backoff<PeerId> backoff) {
        this.all = descriptors.stream()
                .map(descriptor -> new Owner(node, descriptor, policy))
                .toList();
        this.backoff = backoff;
    }

    /** How long one of several owners is waited for before another is tried: all but one may be silent. */
    private Duration share(Duration time) {
        return time.dividedBy(all.size() + 1L);
    }

    ExpertUid uid() {
        return all.get(0).uid();
    }

    /** The peer that is called as long as nothing speaks for another. */
    PeerId preferred() {
        Choice made = known;
        return (made == null ? candidates().element() : made.owner).peerId();
    }

    /** Whether no other than {@link #preferred()} is ever called. */
    boolean isOne() {
        Choice made = known;
        return all.size() == 1 || (made != null && made.schema.trainable());
    }

    /** What the expert takes and gives, if that was asked before. */
    @Nullable ExpertSchema knownSchema() {
        Choice made = known;
        return made == null ? null : made.schema;
    }

    /**
     * What the expert takes and gives; every owner is asked once, by whoever comes first. Failures are not remembered.
     *
     * @param time of which each of several owners but the last has an equal part
     * @param toBlame is told whose error it is, before that is emitted
     */
    Mono<ExpertSchema> schema(Duration time, Consumer<PeerId> toBlame) {
        return Mono.defer(() -> {
                    Choice made = known;
                    return made == null ? new Question(time, toBlame).ask() : Mono.just(made);
                })
                .map(Choice::schema);
    }

    /** Those that failed of late come last. */
    private Deque<Owner> candidates() {
        return all.stream()
                .sorted(Comparator.comparing(owner -> backoff.isBanned(owner.peerId())))
                .collect(Collectors.toCollection(ArrayDeque::new));
    }

    /** An error, after which another is tried, when one of several keeps silent for its part of the time. */
    private <T> Mono<T> inTime(Owner owner, Duration share, Deadline deadline, Mono<T> answer) {
        if (all.size() == 1) {
            return answer;
        }
        Duration remaining = deadline.remaining();
        Duration bound = remaining.compareTo(share) < 0 ? remaining : share;
        return answer.timeout(bound, Mono.error(() -> silence(owner, deadline)));
    }

    private static RpcException silence(Owner owner, Deadline deadline) {
        String message =
                "Peer %s keeps silent about %s".formatted(owner.peerId().toShortString(), owner.uid());
        return deadline.isPast() ? new DeadlineExceededException(message) : new PeerUnavailableException(message);
    }

    /** The choice of whoever made one first. */
    private synchronized Choice settled(Choice made) {
        Choice earlier = known;
        if (earlier == null) {
            known = made;
        }
        return earlier == null ? made : earlier;
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
        Choice made = known;
        if (made == null) {
            return Mono.error(new IllegalStateException("The schema comes first"));
        }
        if (isOne()) {
            asked.accept(made.owner.peerId());
            return made.owner.connect(deadline).flatMap(call);
        }
        Owner owner = takingTurns(turn);
        asked.accept(owner.peerId());
        Mono<PeerConnection> ready = owner.schema()
                .flatMap(schema -> requireAlike(made.schema, schema, owner))
                .flatMap(alike -> owner.connect(deadline));
        return inTime(owner, share(request.timeout()), deadline, ready)
                .flatMap(call)
                .doOnNext(answer -> backoff.succeeded(owner.peerId()))
                .onErrorMap(UnknownExpertException.class, Owners::asUnavailable)
                .doOnError(error -> recordFailure(owner, error));
    }

    private Owner takingTurns(int turn) {
        for (int i = 0; i < all.size(); i++) {
            Owner owner = all.get((turn + i & Integer.MAX_VALUE) % all.size());
            if (!backoff.isBanned(owner.peerId())) {
                return owner;
            }
        }
        return all.get(turn % all.size());
    }

    private void recordFailure(Owner owner, Throwable error) {
        if (error instanceof PeerUnavailableException || error instanceof DeadlineExceededException) {
            backoff.failed(owner.peerId());
        }
    }

    private static Mono<ExpertSchema> requireAlike(ExpertSchema expected, ExpertSchema actual, Owner owner) {
        boolean alike = !actual.trainable()
                && actual.inputs().equals(expected.inputs())
                && actual.outputs().equals(expected.outputs());
        return alike
                ? Mono.just(actual)
                : Mono.error(asUnavailable(new UnknownExpertException("Peer %s hosts another expert by the name of %s"
                        .formatted(owner.peerId().toShortString(), owner.uid()))));
    }

    /** Others may host it still. */
    private static PeerUnavailableException asUnavailable(UnknownExpertException gone) {
        return new PeerUnavailableException("An owner does not host the expert (any more)", gone);
    }

    private record Choice(Owner owner, ExpertSchema schema) {}

    /** One caller's way from owner to owner, until one says what the expert takes and gives. */
    private final class Question {

        private final Deque<Owner> candidates = candidates();
        private final Duration time;
        private final Deadline deadline;
        private final Consumer<PeerId> toBlame;
        private @Nullable Refusal first;

        Question(Duration time, Consumer<PeerId> toBlame) {
            this.time = time;
            this.toBlame = toBlame;
            this.deadline = Deadline.after(time);
        }

        /** The first that answers; others than the latest only if they are frozen. */
        Mono<Choice> ask() {
            Owner owner = candidates.poll();
            if (owner == null) {
                return Mono.error(blamed(requireNonNull(first, "the latest owner answers or fails")));
            }
            return inTime(owner, candidates.isEmpty() ? time : share(time), deadline, owner.schema())
                    .filter(schema -> owner == all.get(0) || !schema.trainable())
                    .map(schema -> settled(new Choice(owner, schema)))
                    .onErrorResume(RpcException.class, error -> {
                        failed(owner, error);
                        return ask();
                    })
                    .switchIfEmpty(Mono.defer(this::ask));
        }

        private void failed(Owner owner, RpcException error) {
            recordFailure(owner, error);
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
