package dev.hivemind.benchmarks.wire;

import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * The sending side of a stream of gRPC: sends whenever the transport has room, until its time is over.
 *
 * @param <T> a message
 */
final class GrpcSending<T> implements ClientResponseObserver<T, T> {

    private final GrpcMessages<T> messages;
    private final long startNanos = System.nanoTime();
    private final long timeNanos;
    private final CompletableFuture<Tally> end = new CompletableFuture<>();
    private long sent;
    private boolean complete;

    GrpcSending(GrpcMessages<T> messages, Duration time) {
        this.messages = messages;
        this.timeNanos = time.toNanos();
    }

    /** Completes when the server has all. */
    CompletableFuture<Tally> end() {
        return end;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<T> requests) {
        requests.setOnReadyHandler(() -> sendWhileReady(requests));
    }

    private void sendWhileReady(ClientCallStreamObserver<T> requests) {
        while (!complete && requests.isReady()) {
            if (sent == 0 || System.nanoTime() - startNanos < timeNanos) {
                requests.onNext(messages.next());
                sent++;
            } else {
                complete = true;
                requests.onCompleted();
            }
        }
    }

    @Override
    public void onNext(T acknowledgement) {
        messages.release(acknowledgement);
    }

    @Override
    public void onError(Throwable error) {
        end.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
        end.complete(Tally.of(sent, System.nanoTime() - startNanos));
    }
}
