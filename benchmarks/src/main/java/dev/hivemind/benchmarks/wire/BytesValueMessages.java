package dev.hivemind.benchmarks.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.protobuf.ProtoUtils;
import io.netty.buffer.ByteBuf;
import java.util.SplittableRandom;

/**
 * The usual way: tensors as a field of a protobuf message. In gRPC's favour, the message to send is made once and not
 * copied out of a tensor for each call, and an echo returns the message that came.
 */
record BytesValueMessages(BytesValue next) implements GrpcMessages<BytesValue> {

    private static final Marshaller<BytesValue> MARSHALLER = ProtoUtils.marshaller(BytesValue.getDefaultInstance());

    BytesValueMessages() {
        this(BytesValue.getDefaultInstance());
    }

    @Override
    public String name() {
        return "grpc";
    }

    @Override
    public Marshaller<BytesValue> marshaller() {
        return MARSHALLER;
    }

    @Override
    public GrpcMessages<BytesValue> ofSize(int bytes) {
        byte[] content = new byte[bytes];
        new SplittableRandom(bytes).nextBytes(content);
        return new BytesValueMessages(BytesValue.of(UnsafeByteOperations.unsafeWrap(content)));
    }

    @Override
    public BytesValue acknowledgement() {
        return BytesValue.getDefaultInstance();
    }

    @Override
    public void receive(BytesValue message) {
        ByteString value = message.getValue();
        ByteBuf tensor = Tensors.ofSize(value.size());
        value.copyTo(tensor.nioBuffer(0, value.size()));
        tensor.release();
    }

    @Override
    public void release(BytesValue message) {}

    @Override
    public void close() {}
}
