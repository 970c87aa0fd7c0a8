/**
 * What storing and finding records costs on nodes that share one JVM and talk over real sockets.
 *
 * <p>The workload is the one by which hivemind was measured: 256 keys in batches of 32, 5 replicas, every batch stored by
 * one node and read by another. Messages are requests, counted where they are sent; their processor time is that of the
 * whole process, both ends included.
 */
@NullMarked
package dev.hivemind.benchmarks.dht;

import org.jspecify.annotations.NullMarked;
