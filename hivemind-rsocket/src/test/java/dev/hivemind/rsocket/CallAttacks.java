package dev.hivemind.rsocket;

import static dev.hivemind.rsocket.RawClient.FIRST_CALL;
import static dev.hivemind.rsocket.RawClient.METADATA;
import static dev.hivemind.rsocket.RawClient.REQUEST_STREAM;
import static dev.hivemind.rsocket.RawClient.demanding;
import static dev.hivemind.rsocket.RawClient.frame;
import static dev.hivemind.rsocket.RawClient.header;
import static dev.hivemind.rsocket.RawClient.payload;

import dev.hivemind.rsocket.HostilePeersTest.Arena;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.proto.FrameHeaderMessage;
import dev.hivemind.rsocket.proto.TensorDescriptorMessage;
import java.io.IOException;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import reactor.core.scheduler.Schedulers;

/** Rows of peers that have proven who they are: what their calls carry, and how many they make. */
final class CallAttacks {

    /** What the node takes of large bodies; half of it of one peer. */
    static final long BUDGET = 8L << 20;

    private static final long MIB = 1L << 20;
    private static final String VIOLATION = "protocol-violation";
    private static final int REQUESTS_PER_KEEPALIVE = 5_000;
    private static final String OVERLOADED = "overloaded";

    private CallAttacks() {}

    static Stream<Attack> descriptors() {
        return Stream.of(
                lie("a negative dimension", 8, 8, -8L),
                lie("dimensions whose product overflows", 0, 8, 1L << 31, 1L << 31, 4),
                lie("dimensions whose product is 2^64", 0, 8, 1L << 16, 1L << 16, 1L << 16, 1L << 16),
                lie("nine dimensions", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
                lie("a length that the shape does not have", 9, 9, 8),
                lie("a negative length", -1, 8, 8),
                lie("more bytes than the shape has", 8, 9, 8),
                lie("fewer bytes than the shape has", 1 << 20, 8, 1 << 20));
    }

    /** A call with one tensor of bytes. */
    private static Attack lie(String name, long announced, int sent, long... shape) {
        var tensor = TensorDescriptorMessage.newBuilder()
                .setElementType(4)
                .addAllShape(Arrays.stream(shape).boxed().toList())
                .setByteLength(announced);
        return new Attack(
                "a tensor with " + name,
                VIOLATION,
                MIB,
                arena -> arena.proven()
                        .request(FIRST_CALL, forward().addTensors(tensor), new byte[sent])
                        .outcome());
    }

    static Stream<Attack> bodies() {
        return Stream.of(
                new Attack(
                        "a piece without a header",
                        VIOLATION,
                        MIB,
                        Attacks.call(frame(FIRST_CALL, RawClient.REQUEST_CHANNEL, 0, demanding(1, new byte[100])))),
                channel(
                        "a header inside a body",
                        VIOLATION,
                        1_000,
                        frame(
                                FIRST_CALL,
                                RawClient.PAYLOAD,
                                METADATA | RawClient.NEXT,
                                payload(new byte[40], new byte[9]))),
                channel("an empty piece", VIOLATION, 1_000, piece(0)),
                channel("more bytes than announced", VIOLATION, 1_000, piece(901)),
                channel("a piece of more than 256 KiB", VIOLATION, 1_000_000, piece(MessageChunks.MAX_CHUNK_BYTES + 1)),
                channel("a body beyond 2^31", VIOLATION, 1L << 31, new byte[0]),
                channel("a body of 2 GiB", "payload-too-large", Integer.MAX_VALUE, new byte[0]),
                channel("a body that is announced and not sent", VIOLATION, 4_000_000, new byte[0])
                        .endedAs(Attack.End.STALLED),
                new Attack(
                        "payloads that were not asked for, on 20 channels",
                        "canceled",
                        8 * MIB,
                        CallAttacks::payloadsUnasked),
                new Attack("bodies announced on 40 channels", OVERLOADED, BUDGET / 2 + MIB, CallAttacks::manyBodies),
                new Attack("more channels than are served", OVERLOADED, 2 * MIB, CallAttacks::manyChannels));
    }

    private static Attack channel(String name, String gets, long announced, byte[] next) {
        return new Attack(
                name,
                gets,
                5 * MIB,
                arena -> arena.proven()
                        .channel(FIRST_CALL, forward().setBodyBytes(announced), new byte[100])
                        .sendWhenAsked(next)
                        .outcome());
    }

    /** Attacks of quantity; {@code requests} is how many calls they make. */
    static Stream<Attack> floods(int requests) {
        return Stream.of(
                new Attack(
                        requests + " requests on one connection",
                        "answered",
                        24 * MIB,
                        arena -> outcomes(arena.proven(), Operation.DHT_PING, requests, requests)),
                new Attack(
                        requests + " requests that never end",
                        OVERLOADED,
                        24 * MIB,
                        arena -> outcomes(
                                arena.proven(),
                                Operation.EXPERT_INFO,
                                requests,
                                requests - ConnectionLimits.DEFAULT.maxCalls())),
                new Attack("a subscription to everything that is left unread", "nothing", 24 * MIB, arena -> {
                    byte[] wish = payload(
                            header(Operation.EVENTS)
                                    .clearDeadlineMillis()
                                    .build()
                                    .toByteArray(),
                            new byte[0]);
                    arena.proven()
                            .send(frame(FIRST_CALL, REQUEST_STREAM, METADATA, demanding(Integer.MAX_VALUE, wish)));
                    return unread(arena);
                }),
                new Attack("256 calls whose large replies are left unread", "nothing", 24 * MIB, arena -> {
                    RawClient client = arena.proven();
                    for (int i = 0; i < ConnectionLimits.DEFAULT.maxCalls(); i++) {
                        client.request(FIRST_CALL + 2 * i, header(Operation.EXPERT_BACKWARD), new byte[0]);
                    }
                    return unread(arena);
                }));
    }

    private static String unread(Arena arena) {
        arena.awaitHonestCalls(200);
        return "nothing";
    }

    /** What so many of the calls get that are sent while replies are read. */
    private static String outcomes(RawClient client, Operation operation, int requests, int answers)
            throws IOException {
        var sender = Schedulers.boundedElastic().schedule(() -> {
            for (int i = 0; i < requests; i++) {
                if (i % REQUESTS_PER_KEEPALIVE == 0) {
                    client.send(frame(0, RawClient.KEEPALIVE, 0, new byte[Long.BYTES]));
                }
                client.request(FIRST_CALL + 2 * i, header(operation), new byte[0]);
            }
        });
        Set<String> outcomes = new TreeSet<>();
        for (int i = 0; i < answers; i++) {
            outcomes.add(client.outcome());
        }
        sender.dispose();
        return String.join(", ", outcomes);
    }

    /** Calls that never end, more than are served of a channel at once. RSocket itself refuses each channel. */
    private static String payloadsUnasked(Arena arena) throws IOException {
        RawClient client = arena.proven();
        byte[] call = payload(header(Operation.EXPERT_INFO).build().toByteArray(), new byte[0]);
        for (int i = 0; i < 20; i++) {
            int stream = FIRST_CALL + 2 * i;
            client.channel(stream, header(Operation.EXPERT_INFO), new byte[0]);
            for (int extra = 0; extra < 40; extra++) {
                client.send(frame(stream, RawClient.PAYLOAD, METADATA | RawClient.NEXT, call));
            }
        }
        return client.outcome();
    }

    private static String manyBodies(Arena arena) throws IOException {
        RawClient client = arena.proven();
        for (int i = 0; i < 40; i++) {
            client.channel(FIRST_CALL + 2 * i, forward().setBodyBytes(1 << 20), new byte[100]);
        }
        return client.outcome();
    }

    private static String manyChannels(Arena arena) throws IOException {
        RawClient client = arena.proven();
        for (int i = 0; i <= ConnectionLimits.DEFAULT.maxChannels(); i++) {
            client.channel(FIRST_CALL + 2 * i, forward().setBodyBytes(1_000), new byte[100]);
        }
        return client.outcome();
    }

    private static FrameHeaderMessage.Builder forward() {
        return header(Operation.EXPERT_FORWARD);
    }

    private static byte[] piece(int bytes) {
        return frame(FIRST_CALL, RawClient.PAYLOAD, RawClient.NEXT, new byte[bytes]);
    }
}
