package dev.hivemind.benchmarks.wire;

import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;

/**
 * The serving side of gRPC.
 *
 * @param <T> a message
 */
final class GrpcService<T> {

    private static final String NAME = "Benchmark";

    private final GrpcMessages<T> messages;
    private final MethodDescriptor<T, T> sink;
    private final MethodDescriptor<T, T> echo;
    private final MethodDescriptor<T, T> stream;

    GrpcService(GrpcMessages<T> messages) {
        this.messages = messages;
        this.sink = method(Op.SINK, MethodType.UNARY);
        this.echo = method(Op.ECHO, MethodType.UNARY);
        this.stream = method(Op.STREAM, MethodType.CLIENT_STREAMING);
    }

    private MethodDescriptor<T, T> method(Op op, MethodType type) {
        return MethodDescriptor.newBuilder(messages.marshaller(), messages.marshaller())
                .setType(type)
                .setFullMethodName(MethodDescriptor.generateFullMethodName(NAME, op.label()))
                .build();
    }

    MethodDescriptor<T, T> method(Op op) {
        return switch (op) {
            case SINK -> sink;
            case ECHO -> echo;
            case STREAM -> stream;
        };
    }

    ServerServiceDefinition definition() {
        return ServerServiceDefinition.builder(NAME)
                .addMethod(sink, ServerCalls.asyncUnaryCall(this::sink))
                .addMethod(echo, ServerCalls.asyncUnaryCall(this::echo))
                .addMethod(stream, ServerCalls.asyncClientStreamingCall(this::stream))
                .build();
    }

    private void sink(T message, StreamObserver<T> answers) {
        messages.receive(message);
        messages.release(message);
        answer(messages.acknowledgement(), answers);
    }

    private void echo(T message, StreamObserver<T> answers) {
        messages.receive(message);
        answer(message, answers);
    }

    private StreamObserver<T> stream(StreamObserver<T> answers) {
        return new StreamObserver<>() {
            @Override
            public void onNext(T message) {
                messages.receive(message);
                messages.release(message);
            }

            @Override
            public void onError(Throwable error) {
                answers.onError(error);
            }

            @Override
            public void onCompleted() {
                answer(messages.acknowledgement(), answers);
            }
        };
    }

    private static <T> void answer(T message, StreamObserver<T> answers) {
        answers.onNext(message);
        answers.onCompleted();
    }
}
