package dev.hivemind.rsocket;

import static dev.hivemind.rsocket.RawClient.ERROR;
import static dev.hivemind.rsocket.RawClient.FIRST_CALL;
import static dev.hivemind.rsocket.RawClient.FOLLOWS;
import static dev.hivemind.rsocket.RawClient.KEEPALIVE;
import static dev.hivemind.rsocket.RawClient.METADATA;
import static dev.hivemind.rsocket.RawClient.REQUEST_FNF;
import static dev.hivemind.rsocket.RawClient.REQUEST_RESPONSE;
import static dev.hivemind.rsocket.RawClient.SETUP;
import static dev.hivemind.rsocket.RawClient.frame;
import static dev.hivemind.rsocket.RawClient.header;
import static dev.hivemind.rsocket.RawClient.payload;
import static dev.hivemind.rsocket.RawClient.setupFrame;

import com.google.protobuf.ByteString;
import dev.hivemind.rsocket.HostilePeersTest.Arena;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

/** The table of attacks. */
final class Attacks {

    private static final long MIB = 1L << 20;
    private static final String CLOSED = "closed";
    private static final String VIOLATION = "protocol-violation";

    private Attacks() {}

    static Stream<Attack> table(int requests) {
        return Stream.of(
                        strangers(),
                        setups(),
                        frames(),
                        CallAttacks.descriptors(),
                        CallAttacks.bodies(),
                        CallAttacks.floods(requests))
                .flatMap(rows -> rows);
    }

    private static Stream<Attack> strangers() {
        return Stream.of(
                unproven("random bytes", 4 * MIB, Attacks::randomBytes),
                unproven("an HTTP request", MIB, first(ascii("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))),
                unproven("40 connections that say nothing", MIB, arena -> closed(open(arena, 40))),
                unproven("a byte at a time", MIB, Attacks::byteByByte),
                unproven("unfinished huge frames on 40 connections", 8 * MIB, Attacks::unfinishedFrames),
                new Attack("a frame beyond the limit", CLOSED, 2 * MIB, first(oversizedFrame())),
                new Attack("an empty frame", CLOSED, MIB, first(new byte[] {0, 0, 0})),
                new Attack("a request before SETUP", CLOSED, MIB, first(frame(1, REQUEST_RESPONSE, 0, new byte[8]))),
                new Attack("a SETUP cut short", CLOSED, MIB, first(frame(0, SETUP, 0, new byte[3]))));
    }

    /** Ends when the node has waited for a proof for long enough, if not before. */
    private static Attack unproven(String name, long heldBytes, Attack.Code code) {
        return new Attack(name, CLOSED, heldBytes, code).endedAs(Attack.End.UNPROVEN);
    }

    private static Stream<Attack> setups() {
        return Stream.of(
                keepaliveTimes("a keepalive every millisecond", 1, 60_000),
                keepaliveTimes("a keepalive that never comes", Integer.MAX_VALUE, Integer.MAX_VALUE),
                keepaliveTimes("a lifetime shorter than its interval", 10_000, 5_000),
                keepaliveTimes("a lifetime without end", 10_000, Integer.MAX_VALUE),
                new Attack("a hello of 20 KiB", VIOLATION, MIB, Attacks::oversizedHello),
                unproven(
                        "a connection that is never proven",
                        MIB,
                        arena -> closed(arena.connect().setUp())),
                new Attack("a HELLO that is replayed", CLOSED, MIB, arena -> {
                    RawClient client = arena.proven();
                    return closed(client.greet());
                }),
                new Attack("a proof that is replayed", CLOSED, MIB, arena -> {
                    RawClient client = arena.connect();
                    return closed(client.sendProof(client.prove()));
                }),
                new Attack(
                        "the proof of another connection",
                        CLOSED,
                        MIB,
                        arena -> closed(arena.connect()
                                .setUp()
                                .greet()
                                .sendProof(arena.connect().prove()))),
                new Attack(
                        "something else in place of the proof",
                        CLOSED,
                        MIB,
                        arena -> closed(arena.connect().setUp().greet().send(notAProof()))),
                new Attack(
                        "a call before the proof",
                        "unauthorized",
                        MIB,
                        arena -> arena.connect()
                                .setUp()
                                .request(FIRST_CALL, header(Operation.DHT_PING), new byte[0])
                                .outcome()));
    }

    private static byte[] notAProof() {
        byte[] ping = header(Operation.DHT_PING).build().toByteArray();
        return frame(FIRST_CALL, REQUEST_FNF, METADATA, payload(ping, new byte[0]));
    }

    private static Attack keepaliveTimes(String name, int interval, int lifetime) {
        return new Attack(name, VIOLATION, MIB, arena -> {
            RawClient client = arena.connect();
            return client.send(client.setupFrame(interval, lifetime)).outcome();
        });
    }

    private static Stream<Attack> frames() {
        byte[] tooLong = header(Operation.DHT_PING)
                .setToken(ByteString.copyFrom(new byte[FrameCodec.MAX_HEADER_BYTES]))
                .build()
                .toByteArray();
        return Stream.of(
                new Attack(
                        "1,000 frames of an unknown type",
                        CLOSED,
                        MIB,
                        many(1_000, i -> frame(0, 0x3e, 0, new byte[32]))),
                new Attack(
                        "fragments of 1,000 requests",
                        CLOSED,
                        2 * MIB,
                        many(1_000, i -> frame(FIRST_CALL + 2 * i, REQUEST_RESPONSE, FOLLOWS, new byte[16_384]))),
                new Attack(
                        "1,000 keepalives with 1 KiB each",
                        CLOSED,
                        2 * MIB,
                        many(1_000, i -> frame(0, KEEPALIVE, FOLLOWS, new byte[8 + 1_024]))),
                new Attack(
                        "a keepalive with 16 KiB",
                        CLOSED,
                        MIB,
                        many(1, i -> frame(0, KEEPALIVE, FOLLOWS, new byte[16_384]))),
                new Attack(
                        "metadata beyond the end of its frame",
                        CLOSED,
                        MIB,
                        many(1, i -> frame(FIRST_CALL, REQUEST_RESPONSE, METADATA, new byte[] {0x7f, 0, 0, 1}))),
                new Attack(
                        "an error of the connection that does not end it",
                        CLOSED,
                        MIB,
                        many(1, i -> frame(0, ERROR, 0, new byte[] {0, 0, 1, 1}))),
                new Attack(
                        "a rejection that does not end the connection",
                        CLOSED,
                        MIB,
                        many(1, i -> frame(0, ERROR, 0, new byte[] {0, 0, 0, 3}))),
                new Attack(
                        "a header of more than 16 KiB",
                        VIOLATION,
                        MIB,
                        call(frame(FIRST_CALL, REQUEST_RESPONSE, METADATA, payload(tooLong, new byte[0])))),
                new Attack(
                        "a request without a header",
                        VIOLATION,
                        MIB,
                        call(frame(FIRST_CALL, REQUEST_RESPONSE, 0, new byte[8]))),
                new Attack(
                        "an unknown operation",
                        VIOLATION,
                        MIB,
                        arena -> arena.proven()
                                .request(FIRST_CALL, header(Operation.DHT_PING).setOperation(999), new byte[0])
                                .outcome()));
    }

    private static String randomBytes(Arena arena) throws IOException {
        var random = new SplittableRandom(4);
        List<RawClient> clients = open(arena, 20);
        for (RawClient client : clients) {
            byte[] bytes = new byte[4_096];
            random.nextBytes(bytes);
            client.send(bytes);
        }
        return closed(clients);
    }

    private static String byteByByte(Arena arena) throws IOException {
        RawClient client = arena.connect();
        byte[] setup = client.setupFrame(10_000, 60_000);
        var sending = Flux.interval(Duration.ofMillis(100), Schedulers.boundedElastic())
                .take(setup.length)
                .subscribe(i -> client.send(new byte[] {setup[i.intValue()]}));
        try {
            return closed(client);
        } finally {
            sending.dispose();
        }
    }

    private static String unfinishedFrames(Arena arena) throws IOException {
        byte[] frame = frame(0, SETUP, METADATA, new byte[1 << 20]);
        byte[] unfinished = Arrays.copyOf(frame, frame.length - 1);
        List<RawClient> clients = open(arena, 40);
        clients.forEach(client -> client.send(unfinished));
        return closed(clients);
    }

    private static byte[] oversizedFrame() {
        byte[] bytes = new byte[1 << 20];
        Arrays.fill(bytes, 0, 3, (byte) 0xff);
        return bytes;
    }

    private static String oversizedHello(Arena arena) throws IOException {
        var hello = Hello.of(PeerIdentity.generate(), List.of()).toMessage().toBuilder()
                .addFeatures("x".repeat(20_000))
                .build();
        return arena.connect().send(setupFrame(10_000, 60_000, hello)).outcome();
    }

    /** These bytes on a new connection. */
    private static Attack.Code first(byte[] bytes) {
        return arena -> closed(arena.connect().send(bytes));
    }

    /** This frame on a connection that is proven. */
    static Attack.Code call(byte[] frame) {
        return arena -> arena.proven().send(frame).outcome();
    }

    private static Attack.Code many(int frames, java.util.function.IntFunction<byte[]> next) {
        return arena -> {
            RawClient client = arena.proven();
            for (int i = 0; i < frames; i++) {
                client.send(next.apply(i));
            }
            return closed(client);
        };
    }

    private static List<RawClient> open(Arena arena, int connections) throws IOException {
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            clients.add(arena.connect());
        }
        return clients;
    }

    private static String closed(RawClient client) throws IOException {
        return closed(List.of(client));
    }

    private static String closed(List<RawClient> clients) throws IOException {
        for (RawClient client : clients) {
            if (!client.isClosed()) {
                return "left open";
            }
        }
        return CLOSED;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
