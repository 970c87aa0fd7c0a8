package dev.hivemind.benchmarks.wire;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.function.BiConsumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.netty.Connection;
import reactor.util.concurrent.Queues;

/** One end of a bare connection: messages in, messages out. All but the constructor belongs on its event loop. */
final class RawEnd {

    private final Connection connection;
    private final Sinks.Many<ByteBuf> frames = Sinks.unsafe()
            .many()
            .unicast()
            .onBackpressureBuffer(Queues.<ByteBuf>unbounded().get());

    RawEnd(Connection connection) {
        this.connection = connection;
    }

    /** To be called while the connection is being set up. */
    static void install(Connection connection) {
        connection.addHandlerLast("benchmarks.frames", RawFrames.decoder());
    }

    /** Hands messages on, each lent. */
    void receive(BiConsumer<Op, ByteBuf> receiver) {
        connection.inbound().receive().subscribe(new RawAssembly(receiver)::accept);
    }

    /** From now on, sends what {@link #send} is given. */
    void open() {
        connection.outbound().send(frames.asFlux()).then().subscribe();
    }

    /** Queues a message, which is borrowed. */
    void send(Op op, ByteBuf message) {
        RawFrames.of(op, message).forEach(frame -> frames.emitNext(frame, Sinks.EmitFailureHandler.FAIL_FAST));
    }

    /** Queues a message without content. */
    void acknowledge() {
        send(Op.SINK, Unpooled.EMPTY_BUFFER);
    }

    /** Sends frames as fast as the socket takes them. Not together with {@link #open}. */
    Mono<Void> sendAll(Flux<ByteBuf> stream) {
        return connection.outbound().send(stream).then();
    }

    void execute(Runnable task) {
        if (connection.channel().eventLoop().inEventLoop()) {
            task.run();
        } else {
            connection.channel().eventLoop().execute(task);
        }
    }

    void close() {
        connection.disposeNow();
    }
}
