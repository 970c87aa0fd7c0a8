/**
 * What the dashboard remembers of a swarm, all of it bounded, and what it shows of that.
 *
 * <p>{@link dev.hivemind.dashboard.history.SwarmHistory} hears of nodes, experts and events, which others made and nobody
 * vouches for, and gives a {@link dev.hivemind.dashboard.history.SwarmView} of it at any moment. It belongs to one thread
 * and measures time by a clock that it is given.
 */
@NullMarked
package dev.hivemind.dashboard.history;

import org.jspecify.annotations.NullMarked;
