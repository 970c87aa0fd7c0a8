package dev.hivemind.rsocket;

import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.util.context.Context;

/**
 * Errors of what nobody waits for any more, such as those of calls that were given up just before their connection closed.
 * They are no news: Reactor, which would log each at ERROR, hands them over to this instead.
 */
final class LateErrors {

    private static final Logger LOG = LoggerFactory.getLogger(LateErrors.class);

    /** The key under which Reactor looks for a subscriber's own handler. */
    private static final String ON_ERROR_DROPPED = "reactor.onErrorDropped.local";

    private LateErrors() {}

    /** The context of a subscriber that ignores them. */
    static Context ignoredIn(Context context) {
        return context.put(ON_ERROR_DROPPED, (Consumer<Throwable>) LateErrors::ignore);
    }

    static void ignore(Throwable late) {
        LOG.debug("What nobody waits for any more failed", late);
    }
}
