package dev.hivemind.benchmarks.autograd;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Mono;

/** Steps of a model of two local layers, on the thread that made this. */
final class Steps implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final NopHost host;
    private final NDManager manager;
    private final NDArray input;
    private final NDArray before;
    private final NDArray after;

    Steps(int rows, int width) {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
        host = new NopHost(width);
        input = manager.randomNormal(new Shape(rows, width));
        before = weight(width);
        after = weight(width);
    }

    private NDArray weight(int width) {
        NDArray weight = manager.randomNormal(0, 0.04f, new Shape(width, width), DataType.FLOAT32);
        weight.setRequiresGradient(true);
        return weight;
    }

    /** All layers are here. */
    void local() {
        try (NDManager step = manager.newSubManager()) {
            TensorOps.withGradMode(true, () -> {
                NDArray loss = loss(step, hidden -> hidden);
                TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
                return loss;
            });
        }
    }

    /** An expert lies between the layers. */
    void remote() {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            tape.backward(loss(tape.manager(), hidden -> tape.forward(host.expert(), hidden)));
        }
    }

    private NDArray loss(NDManager step, UnaryOperator<NDArray> middle) {
        NDArray x = input.duplicate();
        x.attach(step);
        return middle.apply(x.dot(before).tanh()).dot(after).square().mean();
    }

    /**
     * All layers are here, and besides what a remote layer cannot do without: its tensors travel forward and backward, and
     * become arrays again. In the midst of a step, where caches are cold and cores asleep, since remote layers call there.
     */
    void localAndBareCalls() {
        try (NDManager step = manager.newSubManager()) {
            TensorOps.withGradMode(true, () -> {
                NDArray loss = loss(step, hidden -> {
                    call(step, Operation.EXPERT_FORWARD, new NDList(hidden));
                    return hidden;
                });
                call(step, Operation.EXPERT_BACKWARD, new NDList(input, input));
                TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
                return loss;
            });
        }
    }

    private void call(NDManager step, Operation operation, NDList tensors) {
        Reply reply = Mono.using(
                        () -> Request.ofTensors(
                                operation, NopHost.UID.toString(), TIMEOUT, NDArrayFrames.encode(tensors)),
                        host.connection()::request,
                        Request::release)
                .blockOptional(TIMEOUT)
                .orElseThrow();
        try {
            NDArrayFrames.decode(step, reply.tensors());
        } finally {
            reply.release();
        }
    }

    @Override
    public void close() {
        host.close();
        manager.close();
    }
}
