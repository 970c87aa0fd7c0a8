package dev.hivemind.benchmarks.wire;

import io.grpc.MethodDescriptor.Marshaller;

/**
 * How tensors become messages of gRPC.
 *
 * @param <T> a message
 */
interface GrpcMessages<T> {

    /** As rows call it. */
    String name();

    Marshaller<T> marshaller();

    /** A message to send once more; gRPC takes it over. */
    T next();

    /** A new source of messages of that size. */
    GrpcMessages<T> ofSize(int bytes);

    /** An answer without content. */
    T acknowledgement();

    /** Brings a message into a tensor, unless it is in one already, and keeps the message. */
    void receive(T message);

    /** Gives a received message up. */
    void release(T message);

    /** Frees the message that is sent. */
    void close();
}
