/**
 * Visits to all nodes of a DHT, for those who want a picture of it.
 *
 * <p>{@link dev.hivemind.dht.crawl.Crawl} asks one node after the other whom it knows, and emits a
 * {@link dev.hivemind.dht.crawl.Visit} of each. It needs no place in the DHT, and leaves nothing there.
 */
@NullMarked
package dev.hivemind.dht.crawl;

import org.jspecify.annotations.NullMarked;
