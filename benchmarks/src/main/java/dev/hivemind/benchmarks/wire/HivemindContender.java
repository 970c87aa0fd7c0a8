package dev.hivemind.benchmarks.wire;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.netty.buffer.ByteBuf;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;

/** The product: two peers and one connection. */
final class HivemindContender implements Contender {

    static final String NAME = "hivemind";

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final int LARGEST_FRAME_BYTES = 8 << 20;

    private final Loops loops;
    private final PeerNode server;
    private final HivemindCaller caller;

    HivemindContender(Loops loops) {
        this.loops = loops;
        this.server = requireNonNull(PeerNode.builder()
                .loops(loops.server())
                .listen(new PeerAddress("127.0.0.1", 0))
                .build()
                .start()
                .block(TIMEOUT));
        server.handle(Operation.EXPERT_FORWARD, (peer, request) -> Mono.fromSupplier(() -> answer(request)));
        this.caller = callerBy(socketAddress().getPort());
    }

    /** Where the serving peer listens. */
    InetSocketAddress socketAddress() {
        return new InetSocketAddress(
                InetAddress.getLoopbackAddress(), server.addresses().get(0).port());
    }

    /** One more peer, connected to the serving one by another port. The caller closes it. */
    HivemindCaller callerBy(int port) {
        return new HivemindCaller(loops, new PeerAddress("127.0.0.1", port));
    }

    private static Reply answer(Request request) {
        int asked = HivemindCaller.askedBytes(request.header().target());
        if (asked > 0) {
            return Reply.ofTensors(
                    List.of(HivemindCaller.frame(Tensors.ofSizeUnpooled(asked).writerIndex(asked))));
        }
        ByteBuf tensor = Tensors.copyOf(request.body());
        if (request.header().target().equals(Op.ECHO.label())) {
            return Reply.ofTensors(List.of(HivemindCaller.frame(tensor)));
        }
        tensor.release();
        return Reply.ofTensors(List.of());
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean supports(Op op, int bytes) {
        return op != Op.STREAM && bytes <= LARGEST_FRAME_BYTES;
    }

    @Override
    public Call call(Op op, int bytes) {
        return caller.call(op, bytes);
    }

    @Override
    public Tally stream(int bytes, Duration time) {
        throw new UnsupportedOperationException("Streams");
    }

    @Override
    public void close() {
        caller.close();
        server.close().block(TIMEOUT);
    }
}
