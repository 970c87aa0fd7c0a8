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
    private final MethodDescriptor<T, T> oneWay;

    GrpcService(GrpcMessages<T> messages) {
        this.messages = messages;
        this.sink = method(Op.SINK.label(), MethodType.UNARY);
        this.echo = method(Op.ECHO.label(), MethodType.UNARY);
        this.stream = method(Op.STREAM.label(), MethodType.BIDI_STREAMING);
        this.oneWay = method("one-way", MethodType.CLIENT_STREAMING);
    }

    private MethodDescriptor<T, T> method(String name, MethodType type) {
        return MethodDescriptor.newBuilder(messages.marshaller(), messages.marshaller())
                .setType(type)
                .setFullMethodName(MethodDescriptor.generateFullMethodName(NAME, name))
                .build();
    }

    MethodDescriptor<T, T> method(Op op) {
        return switch (op) {
            case SINK -> sink;
            case ECHO -> echo;
            case STREAM -> stream;
        };
    }

    /** A stream whose messages are answered all together. */
    MethodDescriptor<T, T> oneWay() {
        return oneWay;
    }

    ServerServiceDefinition definition() {
        return ServerServiceDefinition.builder(NAME)
                .addMethod(sink, ServerCalls.asyncUnaryCall(this::sink))
                .addMethod(echo, ServerCalls.asyncUnaryCall(this::echo))
                .addMethod(stream, ServerCalls.asyncBidiStreamingCall(answers -> receiver(answers, true)))
                .addMethod(oneWay, ServerCalls.asyncClientStreamingCall(answers -> receiver(answers, false)))
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

    private StreamObserver<T> receiver(StreamObserver<T> answers, boolean answersEach) {
        return new StreamObserver<>() {
            @Override
            public void onNext(T message) {
                messages.receive(message);
                messages.release(message);
                if (answersEach) {
                    answers.onNext(messages.acknowledgement());
                }
            }

            @Override
            public void onError(Throwable error) {
                answers.onError(error);
            }

            @Override
            public void onCompleted() {
                if (!answersEach) {
                    answers.onNext(messages.acknowledgement());
                }
                answers.onCompleted();
            }
        };
    }

    private static <T> void answer(T message, StreamObserver<T> answers) {
        answers.onNext(message);
        answers.onCompleted();
    }
}
