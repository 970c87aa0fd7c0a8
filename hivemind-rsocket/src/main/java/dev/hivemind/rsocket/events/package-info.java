/**
 * What happens at a node, for dashboards.
 *
 * <p>An {@link dev.hivemind.rsocket.events.EventFeed} takes events from any thread and hands them to its subscribers, at
 * this node or, as the operation EVENTS, at others. A subscriber that is too slow misses the oldest events and is told how
 * many; it never slows the node down. The other end subscribes with {@code EventFeed.of}. A node that nobody can dial
 * dials itself and offers its events with {@code EventFeed.offer}; the other end accepts with {@code EventFeed.collect}.
 * The messages are in {@code events.proto} and need no tensor library.
 */
@NullMarked
package dev.hivemind.rsocket.events;

import org.jspecify.annotations.NullMarked;
