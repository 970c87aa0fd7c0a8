package dev.hivemind.dht.sim;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BiPredicate;
import java.util.stream.LongStream;

/**
 * A network in virtual time. What travels is bytes, encoded and decoded as over sockets; the same seed gives the same
 * events, to the bit. Confined to the thread that lets time pass.
 */
public final class SimNetwork {

    private final SimScheduler scheduler = new SimScheduler();
    private final SplittableRandom random;
    private final Map<NodeId, SimTransport> byId = new HashMap<>();
    private final Map<PeerAddress, SimTransport> byAddress = new HashMap<>();
    private final long[] requests = new long[Operation.values().length];
    private SimLink link = SimLink.INTERNET;
    private BiPredicate<PeerId, PeerId> cut = (from, to) -> false;
    private int inFlight;
    private long hash = 1;
    private long messages;
    private long bytes;

    public SimNetwork(long seed) {
        this.random = new SplittableRandom(seed);
    }

    /** Its time. */
    public SimScheduler scheduler() {
        return scheduler;
    }

    /** An identity that depends on the seed alone. */
    public PeerIdentity identity() {
        byte[] seed = new byte[32];
        random.nextBytes(seed);
        return PeerIdentity.fromSeed(seed);
    }

    /** A peer that listens. */
    public SimTransport listening(PeerIdentity identity) {
        int number = byAddress.size();
        String host = "10.%d.%d.%d".formatted(number >> 16 & 255, number >> 8 & 255, number & 255);
        return join(new SimTransport(this, identity, List.of(new PeerAddress(host, 4000))));
    }

    /** A peer that only dials. */
    public SimTransport dialling(PeerIdentity identity) {
        return join(new SimTransport(this, identity, List.of()));
    }

    private SimTransport join(SimTransport transport) {
        byId.put(NodeId.of(transport.identity().id()), transport);
        transport.addresses().forEach(address -> byAddress.put(address, transport));
        return transport;
    }

    /** From now on, messages travel so. */
    public void link(SimLink newLink) {
        link = newLink;
    }

    /** From now on, no message passes from one peer to another for which this holds. */
    public void cut(BiPredicate<PeerId, PeerId> newCut) {
        cut = newCut;
    }

    /** From now on, every message passes again. */
    public void heal() {
        cut = (from, to) -> false;
    }

    SimTransport find(Contact contact) {
        SimTransport target = byId.get(contact.id());
        return target != null && contact.addresses().stream().anyMatch(target.addresses()::contains) ? target : null;
    }

    SimTransport find(PeerAddress address) {
        return byAddress.get(address);
    }

    /** Delivers bytes after a while, once, twice or never. */
    void send(SimTransport from, SimTransport to, Operation operation, ByteString body, Runnable delivery) {
        log(from, to, operation, body);
        if (link.loses(random)) {
            return;
        }
        deliver(from, to, delivery);
        if (link.duplicates(random)) {
            deliver(from, to, delivery);
        }
    }

    private void deliver(SimTransport from, SimTransport to, Runnable delivery) {
        Duration delay = link.delay(random).plus(from.slowness()).plus(to.slowness());
        scheduler.schedule(
                () -> {
                    if (!to.isDead()
                            && !from.isDead()
                            && !cut.test(from.identity().id(), to.identity().id())) {
                        delivery.run();
                    }
                },
                delay.toNanos(),
                TimeUnit.NANOSECONDS);
    }

    private void log(SimTransport from, SimTransport to, Operation operation, ByteString body) {
        messages++;
        bytes += body.size();
        mix(scheduler.now(TimeUnit.NANOSECONDS));
        mix(from.identity().id().hashCode());
        mix(to.identity().id().hashCode());
        mix(operation.wireId());
        mix(body.hashCode());
    }

    private void mix(long value) {
        hash = (hash ^ value) * 0x9E3779B97F4A7C15L;
        hash ^= hash >>> 32;
    }

    void began(Operation operation) {
        inFlight++;
        requests[operation.ordinal()]++;
    }

    void ended() {
        inFlight--;
    }

    /** Depends on every message so far: when, from whom, to whom and with which bytes it was sent. */
    public long eventLogHash() {
        return hash;
    }

    /** How many messages were sent, replies counted. */
    public long messages() {
        return messages;
    }

    /** How many bytes were sent. */
    public long bytes() {
        return bytes;
    }

    /** How many requests were sent. */
    public long requests() {
        return LongStream.of(requests).sum();
    }

    /** How many requests of one operation were sent. */
    public long requests(Operation operation) {
        return requests[operation.ordinal()];
    }

    /** How many requests have neither been answered nor given up. */
    public int inFlight() {
        return inFlight;
    }

    /** The transport of a node. */
    public DhtTransport transport(NodeId id) {
        return byId.get(id);
    }
}
