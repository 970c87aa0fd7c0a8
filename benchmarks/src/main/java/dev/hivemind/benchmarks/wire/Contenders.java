package dev.hivemind.benchmarks.wire;

import java.io.IOException;
import java.util.List;

/** All that compete, each connected, for as long as the benchmark runs. */
final class Contenders implements AutoCloseable {

    private final Loops loops = new Loops();
    private final RawContender raw = new RawContender(loops);
    private final HivemindContender hivemind = new HivemindContender(loops);
    private final GrpcContender<?> grpc;
    private final GrpcContender<?> grpcZeroCopy;

    Contenders() throws IOException {
        grpc = new GrpcContender<>(new BytesValueMessages());
        grpcZeroCopy = new GrpcContender<>(new ByteBufMessages());
    }

    Loops loops() {
        return loops;
    }

    HivemindContender hivemind() {
        return hivemind;
    }

    /** In the order in which they take turns. */
    List<Contender> all() {
        return List.of(raw, hivemind, grpc, grpcZeroCopy, new GrpcOneWay(grpc), new GrpcOneWay(grpcZeroCopy));
    }

    @Override
    public void close() {
        all().forEach(Contender::close);
        loops.close();
    }
}
