package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupListener;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.routing.Offer;
import dev.hivemind.dht.routing.RoutingTable;
import dev.hivemind.dht.rpc.DhtRpc;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.HashSet;
import java.util.Set;
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
    private final Disposable.Composite pings = Disposables.composite();

    PeerBook(RoutingTable table, DhtRpc rpc, NodeLoop loop) {
        this.table = table;
        this.rpc = rpc;
        this.loop = loop;
    }

    RoutingTable table() {
        return table;
    }

    @Override
    public void answered(Contact contact) {
        Offer offer = table.offer(contact);
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
            table.fail(contact);
        } else if (known != null) {
            answered(known);
        }
    }

    /** Takes note of a peer that called us. */
    void met(Contact caller) {
        if (caller.isClientOnly()) {
            return;
        } else if (table.contains(caller.id())) {
            answered(caller);
        } else if (strangers.size() < MAX_STRANGERS && strangers.add(caller.id())) {
            introduce(caller);
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
                            pong -> loop.execute(() -> onPong.accept(pong.from())),
                            error -> loop.execute(() -> onError.accept(error))));
        }
    }

    @Override
    public void dispose() {
        pings.dispose();
    }
}
