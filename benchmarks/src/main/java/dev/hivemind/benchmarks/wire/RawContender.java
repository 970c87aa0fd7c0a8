package dev.hivemind.benchmarks.wire;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Flux;
import reactor.netty.Connection;
import reactor.netty.DisposableServer;
import reactor.netty.tcp.TcpClient;
import reactor.netty.tcp.TcpServer;

/**
 * The bare socket: Reactor Netty TCP with a length before each frame, and nothing else that a peer needs. Answers come
 * in the order of the calls.
 */
final class RawContender implements Contender {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final DisposableServer server;
    private final RawEnd calls;
    private final RawEnd streams;
    private final Queue<Call.Outcome> awaited = new ArrayDeque<>();
    private CompletableFuture<Void> streamed = new CompletableFuture<>();

    RawContender(Loops loops) {
        server = TcpServer.create()
                .runOn(loops.server())
                .host("127.0.0.1")
                .port(0)
                .doOnConnection(RawContender::serve)
                .bindNow();
        calls = connect(loops);
        calls.execute(() -> calls.receive((op, answer) -> awaited.remove().done()));
        calls.execute(calls::open);
        streams = connect(loops);
        streams.execute(() -> streams.receive((op, end) -> streamed.complete(null)));
    }

    private RawEnd connect(Loops loops) {
        return new RawEnd(TcpClient.newConnection()
                .runOn(loops.client())
                .remoteAddress(server::address)
                .doOnConnected(RawEnd::install)
                .connectNow());
    }

    private static void serve(Connection connection) {
        RawEnd.install(connection);
        var end = new RawEnd(connection);
        end.receive((op, tensor) -> answer(end, op, tensor));
        end.open();
    }

    private static void answer(RawEnd end, Op op, ByteBuf tensor) {
        if (op == Op.ECHO) {
            end.send(Op.ECHO, tensor);
        } else if (op == Op.SINK) {
            end.acknowledge();
        }
    }

    @Override
    public String name() {
        return "raw";
    }

    @Override
    public boolean supports(Op op, int bytes) {
        return true;
    }

    @Override
    public Call call(Op op, int bytes) {
        ByteBuf tensor = Tensors.random(bytes);
        return new Call() {
            @Override
            public void start(Outcome outcome) {
                calls.execute(() -> {
                    awaited.add(outcome);
                    calls.send(op, tensor);
                });
            }

            @Override
            public void close() {
                tensor.release();
            }
        };
    }

    @Override
    public Tally stream(int bytes, Duration time) throws Exception {
        ByteBuf tensor = Tensors.random(bytes);
        var sending = new RawSending(tensor, time);
        streamed = new CompletableFuture<>();
        long start = System.nanoTime();
        streams.sendAll(Flux.generate(sending)).subscribe(sent -> {}, error -> streamed.completeExceptionally(error));
        streamed.get(time.plus(TIMEOUT).toMillis(), TimeUnit.MILLISECONDS);
        long nanos = System.nanoTime() - start;
        tensor.release();
        return Tally.of(sending.messages(), nanos);
    }

    @Override
    public void close() {
        calls.close();
        streams.close();
        server.disposeNow();
    }
}
