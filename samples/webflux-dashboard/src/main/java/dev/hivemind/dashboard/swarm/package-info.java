/**
 * How the dashboard watches a swarm: as a peer like others, that hosts nothing.
 *
 * <p>{@link dev.hivemind.dashboard.swarm.SwarmObserver} joins the DHT as a client, visits its nodes round after round,
 * subscribes to their events, watches the prefixes of the experts that it learns of, and listens for trainers that report.
 * It enters all of that in a {@link dev.hivemind.dashboard.history.SwarmHistory}, on one thread. Whoever stops answering is
 * asked again, ever more rarely.
 */
@NullMarked
package dev.hivemind.dashboard.swarm;

import org.jspecify.annotations.NullMarked;
