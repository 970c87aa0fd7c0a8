package dev.hivemind.benchmarks.wire;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.nio.NioEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * gRPC as its users tune it for throughput: handlers on the event loops, a window of 16 MiB, no limit on messages.
 *
 * @param <T> a message
 */
final class GrpcContender<T> implements Contender {

    private static final int WINDOW_BYTES = 16 << 20;
    private static final long TIMEOUT_SECONDS = 60;

    private final GrpcMessages<T> messages;
    private final GrpcService<T> service;
    private final EventLoopGroup clientLoops = loops();
    private final EventLoopGroup serverLoops = loops();
    private final Server server;
    private final ManagedChannel channel;

    GrpcContender(GrpcMessages<T> messages) throws IOException {
        this.messages = messages;
        this.service = new GrpcService<>(messages);
        this.server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .bossEventLoopGroup(serverLoops)
                .workerEventLoopGroup(serverLoops)
                .channelType(Epoll.isAvailable() ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
                .directExecutor()
                .flowControlWindow(WINDOW_BYTES)
                .maxInboundMessageSize(Integer.MAX_VALUE)
                .addService(service.definition())
                .build()
                .start();
        this.channel = NettyChannelBuilder.forAddress(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getPort()))
                .eventLoopGroup(clientLoops)
                .channelType(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
                .directExecutor()
                .flowControlWindow(WINDOW_BYTES)
                .maxInboundMessageSize(Integer.MAX_VALUE)
                .usePlaintext()
                .build();
    }

    private static EventLoopGroup loops() {
        int threads = Loops.threads();
        return Epoll.isAvailable() ? new EpollEventLoopGroup(threads) : new NioEventLoopGroup(threads);
    }

    @Override
    public String name() {
        return messages.name();
    }

    @Override
    public boolean supports(Op op, int bytes) {
        return true;
    }

    @Override
    public Call call(Op op, int bytes) {
        GrpcMessages<T> sent = messages.ofSize(bytes);
        return new Call() {
            @Override
            public void start(Outcome outcome) {
                ClientCalls.asyncUnaryCall(call(service.method(op)), sent.next(), new Answer(outcome));
            }

            @Override
            public void close() {
                sent.close();
            }
        };
    }

    @Override
    public Tally stream(int bytes, Duration time) throws Exception {
        return stream(
                bytes, time, sending -> ClientCalls.asyncBidiStreamingCall(call(service.method(Op.STREAM)), sending));
    }

    /** A stream whose messages are answered all together. */
    Tally streamOneWay(int bytes, Duration time) throws Exception {
        return stream(bytes, time, sending -> ClientCalls.asyncClientStreamingCall(call(service.oneWay()), sending));
    }

    private ClientCall<T, T> call(MethodDescriptor<T, T> method) {
        return channel.newCall(method, CallOptions.DEFAULT);
    }

    private Tally stream(int bytes, Duration time, Consumer<GrpcSending<T>> start) throws Exception {
        GrpcMessages<T> sent = messages.ofSize(bytes);
        var sending = new GrpcSending<>(sent, time);
        start.accept(sending);
        Tally tally = sending.end().get(time.toSeconds() + TIMEOUT_SECONDS, TimeUnit.SECONDS);
        sent.close();
        return tally;
    }

    @Override
    public void close() {
        channel.shutdownNow();
        server.shutdownNow();
        clientLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        serverLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    private final class Answer implements StreamObserver<T> {

        private final Call.Outcome outcome;

        Answer(Call.Outcome outcome) {
            this.outcome = outcome;
        }

        @Override
        public void onNext(T message) {
            messages.receive(message);
            messages.release(message);
        }

        @Override
        public void onError(Throwable error) {
            outcome.failed(error);
        }

        @Override
        public void onCompleted() {
            outcome.done();
        }
    }
}
