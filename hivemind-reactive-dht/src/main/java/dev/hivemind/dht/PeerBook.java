package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupListener;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.routing.Offer;
import dev.hivemind.dht.routing.RoutingTable;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * Keeps the routing table true. A contact enters only after it has answered us: strangers who call are pinged first, and
 * so is the contact that would have to make room. Confined to the node's loop; {@link #dispose()} gives up the pings.
 */
final class PeerBook implements LookupListener, Disposable {

    /** How many strangers are pinged at once; more of them have to call again. */
    private static final int MAX_STRANGERS = 32;

    /** How many contacts may be questioned before another silent one is left for the next lookup that meets it. */
    private static final int MAX_QUESTIONED = 32;

    private final RoutingTable table;
    private final DhtRpc rpc;
    private final NodeLoop loop;
    private final Set<NodeId> strangers = new HashSet<>();
    private final Set<NodeId> questioned = new HashSet<>();
    private final SplittableRandom random;
    private Consumer<Instant> onClock = clock -> {};
    private Consumer<Contact> onNewcomer = newcomer -> {};
    private final LostContacts lost = new LostContacts();
    private final Disposable.Composite pings = Disposables.composite();

    PeerBook(RoutingTable table, DhtRpc rpc, NodeLoop loop) {
        this.table = table;
        this.rpc = rpc;
        this.loop = loop;
        this.random = new SplittableRandom(table.self().second());
    }

    /** Tells from now on, on the loop, of every contact that enters the table. Called before the node starts. */
    void onNewcomer(Consumer<Contact> listener) {
        onNewcomer = listener;
    }

    /** Tells from now on, on the loop, what time pinged peers have. Called before the node starts. */
    void onClock(Consumer<Instant> listener) {
        onClock = listener;
    }

    /** Where those dropped last were reached; safe to call from any thread. */
    List<PeerAddress> lost() {
        return lost.addresses();
    }

    RoutingTable table() {
        return table;
    }

    @Override
    public void answered(Contact contact) {
        Offer offer = table.offer(contact);
        if (offer.outcome() == Offer.Outcome.ADDED) {
            onNewcomer.accept(contact);
        }
        if (offer.questionable() != null) {
            question(offer.questionable().id());
        }
    }

    /** Silence proves nothing, since it may be ours: a contact is asked again before it counts as gone. */
    @Override
    public void silent(Contact contact) {
        if (questioned.size() < MAX_QUESTIONED) {
            question(contact.id());
        }
    }

    /** An overloaded peer is alive, though nobody vouches for the addresses at which it was tried. */
    @Override
    public void failed(Contact contact, Throwable error) {
        Contact known = table.get(contact.id());
        if (!(error instanceof OverloadedException)) {
            if (known != null && table.fail(contact)) {
                lost.add(known);
            }
        } else if (known != null) {
            answered(known);
        }
    }

    /** Takes note of a peer that called us. */
    void met(Contact caller) {
        if (caller.isClientOnly() || table.refresh(caller)) {
            return;
        }
        if (table.wants(caller.id()) && strangers.size() < MAX_STRANGERS && strangers.add(caller.id())) {
            introduce(caller);
        }
    }

    /** Pings one of those that have been silent longest. */
    void checkOldest() {
        Contact oldest = table.oldest(random);
        if (oldest != null && questioned.size() < MAX_QUESTIONED) {
            question(oldest.id());
        }
    }

    private void introduce(Contact stranger) {
        ping(
                stranger,
                answering -> {
                    strangers.remove(stranger.id());
                    answered(answering);
                },
                error -> strangers.remove(stranger.id()));
    }

    /** Pings a contact until it answers or is dropped, if nobody does so already. */
    private void question(NodeId id) {
        Contact contact = table.get(id);
        if (contact == null || !questioned.add(id)) {
            return;
        }
        ping(
                contact,
                answering -> {
                    questioned.remove(id);
                    answered(answering);
                },
                error -> {
                    questioned.remove(id);
                    failed(contact, error);
                    if (!(error instanceof OverloadedException)) {
                        question(id);
                    }
                });
    }

    private void ping(Contact contact, Consumer<Contact> onPong, Consumer<Throwable> onError) {
        Disposable.Swap slot = Disposables.swap();
        if (pings.add(slot)) {
            slot.update(rpc.ping(contact)
                    .switchIfEmpty(Mono.error(() -> new PeerUnavailableException("The peer gave no answer")))
                    .doFinally(signal -> pings.remove(slot))
                    .subscribe(
                            pong -> loop.execute(() -> {
                                onClock.accept(pong.reply().clock());
                                onPong.accept(pong.from());
                            }),
                            error -> loop.execute(() -> onError.accept(error))));
        }
    }

    @Override
    public void dispose() {
        pings.dispose();
    }
}
