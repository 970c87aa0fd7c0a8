package dev.hivemind.benchmarks.wire;

import java.time.Duration;

/** gRPC's streams when nobody has to hear of each message: one answer at the end. Borrows its contender. */
final class GrpcOneWay implements Contender {

    private final GrpcContender<?> grpc;

    GrpcOneWay(GrpcContender<?> grpc) {
        this.grpc = grpc;
    }

    @Override
    public String name() {
        return grpc.name() + "OneWay";
    }

    @Override
    public boolean supports(Op op, int bytes) {
        return op == Op.STREAM;
    }

    @Override
    public Call call(Op op, int bytes) {
        throw new UnsupportedOperationException("Streams alone");
    }

    @Override
    public Tally stream(int bytes, Duration time) throws Exception {
        return grpc.streamOneWay(bytes, time);
    }

    @Override
    public void close() {
        // The contender behind it is closed by its owner.
    }
}
