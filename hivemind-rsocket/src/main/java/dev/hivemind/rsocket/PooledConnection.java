package dev.hivemind.rsocket;

import java.time.Duration;
import reactor.core.Disposable;
import reactor.core.Disposables;

/** When a connection of the pool was active, and whether it still takes calls. Guarded by the pool's lock. */
final class PooledConnection {

    /**
     * How long a retired connection must be without calls. Its dialler closes it first; the other side waits longer, for a
     * dialler that does not know yet which connection is used instead.
     */
    private static final Duration DIALLERS_GRACE = Duration.ofSeconds(1);

    private static final Duration LISTENERS_GRACE = Duration.ofSeconds(10);

    /** How long calls on a retired connection may go on. */
    private static final Duration RETIREMENT = Duration.ofMinutes(1);

    /** Before the first round. */
    private static final long NEVER = -1;

    private final PeerConnection connection;
    private final Disposable.Swap closing = Disposables.swap();
    private long activeAtMillis;
    private long retiredAtMillis;
    private boolean retired;
    private long foundUsedInRound = NEVER;

    PooledConnection(PeerConnection connection, long nowMillis) {
        this.connection = connection;
        this.activeAtMillis = nowMillis;
    }

    PeerConnection connection() {
        return connection;
    }

    boolean isRetired() {
        return retired;
    }

    /** Another connection is used for new calls. */
    void retire(long nowMillis) {
        if (!retired) {
            retired = true;
            retiredAtMillis = nowMillis;
        }
    }

    /** Whether calls were made or served on the connection, or are, since this was last asked. */
    boolean takeUsed() {
        return connection.activity().takeUsed();
    }

    /** As {@link #takeUsed()}, but asks no more once this was found out in the same round. */
    boolean turnsOutUsed(long round) {
        if (foundUsedInRound == round || !takeUsed()) {
            return false;
        }
        foundUsedInRound = round;
        return true;
    }

    void touch(long nowMillis) {
        activeAtMillis = nowMillis;
    }

    boolean wasActiveBefore(PooledConnection other) {
        return activeAtMillis < other.activeAtMillis;
    }

    /** Has this run when this side closes the connection, and when it has closed, unless the pool lets go of it before. */
    void whenClosed(Runnable forget) {
        closing.update(connection.onClose().subscribe(nothing -> {}, error -> {}, forget));
        connection.whenDisposed(forget::run);
    }

    /** The pool lets go of the connection. */
    void forgotten() {
        closing.dispose();
    }

    /** Whether the connection is of no use or has had its time; an idle timeout of zero is none. */
    boolean isDue(Duration idleTimeout, long nowMillis) {
        if (connection.isDisposed()) {
            return true;
        }
        long quietMillis = nowMillis - activeAtMillis;
        if (retired) {
            Duration grace = connection.activity().isDialled() ? DIALLERS_GRACE : LISTENERS_GRACE;
            return quietMillis >= grace.toMillis() || nowMillis - retiredAtMillis >= RETIREMENT.toMillis();
        }
        return !idleTimeout.isZero() && quietMillis >= idleTimeout.toMillis();
    }
}
