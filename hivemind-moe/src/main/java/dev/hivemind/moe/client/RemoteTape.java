package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Deadline;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

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
 * timeouts of the experts' {@link CallPolicy} and the time of the tape. It refuses to do so on event loops and device
 * threads; there, {@link ReactiveTape} does the same without blocking. Any number of tapes may be open in one process, on
 * threads of their own.
 *
 * <p>A trap of the engine: {@code x.mul(0.5)} and its kin put a number into the graph whose memory the garbage collector
 * may reuse before {@code backward}, and gradients are silently wrong then. Between forward and backward lies a network
 * here, so this happens. Multiply with {@code manager().create(0.5f)} instead, which lives as long as the tape.
 *
 * <p>Errors of remote calls are thrown as {@link RpcException}s and leave the tape usable. An interrupted wait cancels
 * the call at the peer and throws a {@link java.util.concurrent.CancellationException}.
 */
public final class RemoteTape implements AutoCloseable {

    /** The innermost tape of a thread, where {@link RemoteExpertBlock} finds it. The grad mode is the thread's, too. */
    private static final ThreadLocal<@Nullable RemoteTape> CURRENT = new ThreadLocal<>();

    private final NDManager manager;
    private final Deadline deadline;
    private final boolean outerGradMode;
    private final @Nullable RemoteTape outer;
    private final Recording<UnaryOperator<NDList>> recording;
    private final Thread owner = Thread.currentThread();
    private boolean wentBackward;
    private boolean closed;

    private RemoteTape(NDManager manager, Deadline deadline) {
        this.manager = manager;
        this.deadline = deadline;
        this.recording = new Recording<>(manager);
        this.outerGradMode = TensorOps.isGradMode();
        this.outer = CURRENT.get();
    }

    /**
     * Starts recording on the calling thread, with no time limit but those of the calls.
     *
     * @param parent the manager below which everything on the tape lives
     */
    public static RemoteTape open(NDManager parent) {
        return open(parent, Deadline.MAX);
    }

    /**
     * Starts recording on the calling thread.
     *
     * @param parent the manager below which everything on the tape lives
     * @param timeout from now; waiting for a peer then ends in a {@link DeadlineExceededException}, at most an hour
     */
    public static RemoteTape open(NDManager parent, Duration timeout) {
        requireNonNull(parent, "parent");
        Await.requireMayBlock();
        var tape = new RemoteTape(parent.newSubManager(), Deadline.after(timeout));
        CURRENT.set(tape);
        TensorOps.setGradMode(true);
        return tape;
    }

    /** The innermost tape that is open on the calling thread. */
    static @Nullable RemoteTape current() {
        return CURRENT.get();
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
     * Calls an expert and records the call, unless grad mode was switched off meanwhile.
     *
     * @param inputs as the expert's schema says; those that belong to a local graph will receive gradients
     * @return the outputs, owned by the tape
     */
    public NDList forward(RemoteExpert expert, NDList inputs) {
        requireOpen();
        NDList given = new NDList(inputs);
        Reply reply = await(expert.forwardReply(() -> OutgoingTensor.inputs(given)), Reply::release);
        NDList outputs = decode(expert, manager, reply);
        return record(given, outputs, gradients -> remoteBackward(expert, given, gradients));
    }

    /**
     * Fills in the gradients of everything that the loss depends on, here and at the experts, which step their
     * optimizers. Experts on which the loss does not depend are not called. May be called once per tape.
     *
     * @param loss any shape; its elements are summed
     * @throws IllegalStateException if this tape went backward before, be it in vain
     */
    public void backward(NDArray loss) {
        requireOpen();
        if (wentBackward) {
            throw new IllegalStateException("A tape goes backward once: open another for the next step");
        }
        wentBackward = true;
        TensorOps.vectorJacobianProduct(loss, loss.onesLike(), true);
        var last = recording.takeLast();
        while (last != null) {
            last.propagate(last.backward().apply(last.outputGradients()));
            last = recording.takeLast();
        }
    }

    /** Ends recording and frees all that lives on the tape. Idempotent. */
    @Override
    public void close() {
        requireOwner();
        if (closed) {
            return;
        }
        if (CURRENT.get() != this) {
            throw new IllegalStateException("A tape that was opened later on this thread is to be closed first");
        }
        closed = true;
        recording.clear();
        CURRENT.set(outer);
        TensorOps.setGradMode(outerGradMode);
        manager.close();
    }

    /**
     * Puts a layer that is computed elsewhere on the tape, unless grad mode was switched off meanwhile.
     *
     * @param outputs arrays of the tape's manager
     * @param backward from the gradients of the outputs to those of the inputs, in their order
     * @return the outputs as leaves of the local graph
     */
    public NDList record(NDList inputs, NDList outputs, UnaryOperator<NDList> backward) {
        return TensorOps.isGradMode() ? recording.add(inputs, outputs, backward) : outputs;
    }

    /**
     * Waits for something that a layer needs of others, for no longer than the time of the tape.
     *
     * @param result bounded in time by deadlines of its own
     * @param discard releases a result that an interrupted wait did not take
     * @throws ProtocolViolationException if there is none
     */
    public <T> T await(Mono<T> result, Consumer<T> discard) {
        requireOpen();
        return required(Await.value(result, discard, deadline));
    }

    /** How long {@link #await} waits at most; zero when the time of the tape is over. */
    public Duration remaining() {
        return deadline.remaining();
    }

    private NDList remoteBackward(RemoteExpert expert, NDList inputs, NDList gradients) {
        Reply reply =
                await(expert.backwardReply(() -> OutgoingTensor.inputsAndGradients(inputs, gradients)), Reply::release);
        return decode(expert, manager, reply);
    }

    /** An answer that goes on no tape; waits for it as long as the expert's policy has it. */
    static NDList answer(RemoteExpert expert, NDManager manager, NDList inputs) {
        Reply reply = required(Await.value(
                expert.forwardReply(() -> OutgoingTensor.inputs(inputs)),
                Reply::release,
                Deadline.after(Deadline.MAX)));
        return decode(expert, manager, reply);
    }

    private static <T> T required(@Nullable T value) {
        if (value == null) {
            throw new ProtocolViolationException("The peer ended the call without an answer");
        }
        return value;
    }

    private static NDList decode(RemoteExpert expert, NDManager manager, Reply reply) {
        try {
            return expert.decode(manager, reply);
        } finally {
            reply.release();
        }
    }

    private void requireOpen() {
        requireOwner();
        if (closed) {
            throw new IllegalStateException("The tape is closed");
        }
    }

    private void requireOwner() {
        if (Thread.currentThread() != owner) {
            throw new IllegalStateException("A RemoteTape belongs to the thread that opened it, " + owner.getName());
        }
    }
}
