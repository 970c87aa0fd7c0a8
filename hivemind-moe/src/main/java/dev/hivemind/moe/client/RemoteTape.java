package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Autograd across the network, for people who write plain loops.
 *
 * <p>Between {@link #open} and {@link #close} the calling thread records local operations, and remote layers are
 * recorded on the tape: their outputs are leaves of the local graph. {@link #backward} walks the remote layers from the
 * last to the first, each time sending the gradient that has gathered at the outputs, and pushing what comes back
 * through the local graph behind the inputs by a vector-Jacobian product. Branches and repeated use of one expert add
 * up as they do locally. Gradients of local parameters are left in {@link NDArray#getGradient()}.
 *
 * <p>Thread: confined to the thread that opened it; that thread blocks while peers compute, for no longer than the
 * timeouts of the experts' {@link CallPolicy}. This is the one class of the library that blocks, and it refuses to do so
 * on event loops. Any number of tapes may be open in one process, on threads of their own.
 *
 * <p>A trap of the engine: {@code x.mul(0.5)} and its kin put a number into the graph whose memory the garbage collector
 * may reuse before {@code backward}, and gradients are silently wrong then. Between forward and backward lies a network
 * here, so this happens. Multiply with {@code manager().create(0.5f)} instead, which lives as long as the tape.
 *
 * <p>Errors of remote calls are thrown as {@link RpcException}s and leave the tape usable. An interrupted wait cancels
 * the call at the peer and throws a {@link java.util.concurrent.CancellationException}.
 */
public final class RemoteTape implements AutoCloseable {

    private final NDManager manager;
    private final boolean outerGradMode;
    private final Deque<RemoteCall> calls = new ArrayDeque<>();
    private final Thread owner = Thread.currentThread();

    private RemoteTape(NDManager manager, boolean outerGradMode) {
        this.manager = manager;
        this.outerGradMode = outerGradMode;
    }

    /**
     * Starts recording on the calling thread.
     *
     * @param parent the manager below which everything on the tape lives
     */
    public static RemoteTape open(NDManager parent) {
        requireNonNull(parent, "parent");
        if (Schedulers.isInNonBlockingThread()) {
            throw new IllegalStateException("A RemoteTape blocks, and "
                    + Thread.currentThread().getName() + " must not: open it on a thread of your own");
        }
        var tape = new RemoteTape(parent.newSubManager(), TensorOps.isGradMode());
        TensorOps.setGradMode(true);
        return tape;
    }

    /** Owns what is computed on the tape; closed with it. Copy out what is to live longer. */
    public NDManager manager() {
        return manager;
    }

    /** {@link #forward(RemoteExpert, NDList)} for an expert with one input and one output. */
    public NDArray forward(RemoteExpert expert, NDArray input) {
        return forward(expert, new NDList(input)).singletonOrThrow();
    }

    /**
     * Calls an expert and records the call.
     *
     * @param inputs as the expert's schema says; those that belong to a local graph will receive gradients
     * @return the outputs, owned by the tape
     */
    public NDList forward(RemoteExpert expert, NDList inputs) {
        requireOwner();
        NDList given = new NDList(inputs);
        Reply reply =
                await(expert.forwardFrames(roles -> NDArrayFrames.encode(given, roles.activations())), Reply::release);
        NDList outputs = decode(reply, descriptors -> requireRows(expert, given, descriptors));
        return record(given, outputs, gradients -> remoteBackward(expert, given, gradients));
    }

    /**
     * Fills in the gradients of everything that the loss depends on, here and at the experts, which step their
     * optimizers. May be called once per tape.
     *
     * @param loss any shape; its elements are summed
     */
    public void backward(NDArray loss) {
        requireOwner();
        TensorOps.vectorJacobianProduct(loss, loss.onesLike(), true);
        while (!calls.isEmpty()) {
            calls.removeLast().run();
        }
    }

    /** Ends recording and frees all that lives on the tape. */
    @Override
    public void close() {
        requireOwner();
        calls.clear();
        TensorOps.setGradMode(outerGradMode);
        manager.close();
    }

    /**
     * Puts a layer that is computed elsewhere on the tape.
     *
     * @param outputs arrays of the tape's manager
     * @param backward from the gradients of the outputs to those of the inputs, in their order
     * @return the outputs as leaves of the local graph
     */
    NDList record(NDList inputs, NDList outputs, Function<NDList, NDList> backward) {
        NDList leaves = new NDList(outputs.size());
        for (NDArray output : outputs) {
            leaves.add(TensorOps.leaf(output, output.getDataType().isFloating()));
        }
        calls.addLast(new RemoteCall(inputs, leaves, backward));
        return leaves;
    }

    /**
     * Waits for a result that is bounded in time by its own deadlines.
     *
     * @param discard releases a result that an interrupted wait did not take
     */
    <T> T await(Mono<T> result, Consumer<T> discard) {
        requireOwner();
        T value = Await.value(result, discard);
        if (value == null) {
            throw new ProtocolViolationException("The peer ended the call without an answer");
        }
        return value;
    }

    private NDList remoteBackward(RemoteExpert expert, NDList inputs, NDList gradients) {
        Reply reply = await(expert.backwardFrames(inputs, gradients), Reply::release);
        return decode(reply, descriptors -> requireLike(expert, inputs, descriptors));
    }

    private NDList decode(Reply reply, Consumer<List<TensorDescriptor>> check) {
        try {
            check.accept(reply.descriptors());
            return NDArrayFrames.decode(manager, reply.tensors());
        } finally {
            reply.release();
        }
    }

    /** Whatever an expert's outputs are, they have as many rows as its inputs. */
    private static void requireRows(RemoteExpert expert, NDList inputs, List<TensorDescriptor> outputs) {
        long rows = inputs.head().getShape().get(0);
        boolean alike = !outputs.isEmpty()
                && outputs.stream()
                        .allMatch(output ->
                                !output.shape().isEmpty() && output.shape().get(0) == rows);
        if (!alike) {
            throw new ExpertFailedException(
                    "%s was given %d rows and answered with %s".formatted(expert, rows, outputs));
        }
    }

    /** Gradients are shaped like what they are gradients of. */
    private static void requireLike(RemoteExpert expert, NDList inputs, List<TensorDescriptor> gradients) {
        List<TensorDescriptor> expected =
                inputs.stream().map(ElementTypes::describe).toList();
        if (!expected.equals(gradients.stream().map(ElementTypes::asArray).toList())) {
            throw new ExpertFailedException(
                    "%s answered with gradients %s for inputs %s".formatted(expert, gradients, expected));
        }
    }

    private void requireOwner() {
        if (Thread.currentThread() != owner) {
            throw new IllegalStateException("A RemoteTape belongs to the thread that opened it, " + owner.getName());
        }
    }

    /** One remote layer on the tape. */
    private record RemoteCall(NDList inputs, NDList outputs, Function<NDList, NDList> backward) {

        void run() {
            NDList inputGradients = backward.apply(outputGradients());
            for (int i = 0; i < inputGradients.size(); i++) {
                NDArray input = inputs.get(i);
                if (input.getDataType().isFloating()) {
                    TensorOps.propagate(input, inputGradients.get(i));
                }
            }
        }

        /** Zeros where the loss does not depend on an output: the expert still takes part in the step. */
        private NDList outputGradients() {
            NDList gradients = new NDList(outputs.size());
            for (NDArray output : outputs) {
                gradients.add(output.hasGradient() ? output.getGradient() : output.zerosLike());
            }
            return gradients;
        }
    }
}
