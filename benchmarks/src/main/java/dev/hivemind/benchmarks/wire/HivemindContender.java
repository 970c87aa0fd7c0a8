package dev.hivemind.benchmarks.wire;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.netty.buffer.ByteBuf;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Mono;

/** The product: two peers and one connection. */
final class HivemindContender implements Contender {

    static final String NAME = "hivemind";

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

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
        server.handle(HivemindCaller.OPERATION, (peer, request) -> Mono.fromSupplier(() -> answer(request)));
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
        String target = request.header().target();
        int asked = HivemindCaller.askedBytes(target);
        if (asked > 0) {
            return reply(Tensors.ofSizeUnpooled(asked).writerIndex(asked));
        }
        ByteBuf tensor = HivemindCaller.tensor(request.body());
        if (target.equals(Op.ECHO.label())) {
            return reply(tensor);
        }
        tensor.release();
        return Reply.ofTensors(List.of());
    }

    private static Reply reply(ByteBuf tensor) {
        return Reply.ofTensors(List.of(HivemindCaller.frame(tensor)));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean supports(Op op, int bytes) {
        return true;
    }

    @Override
    public Call call(Op op, int bytes) {
        return caller.call(op, bytes);
    }

    @Override
    public Tally stream(int bytes, Duration time) throws Exception {
        return caller.stream(bytes, time).get(time.plus(TIMEOUT).toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        caller.close();
        server.close().block(TIMEOUT);
    }
}
