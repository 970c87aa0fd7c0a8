/**
 * What a server adds to the experts that it hosts: the nine presets that Python's hivemind was measured by, each beside
 * the same operations on the same blocks without network or runtime.
 *
 * <p>Server and clients are processes of their own, fresh for every preset, and talk over the loopback interface; they are
 * told what to do by lines on their standard input. The processor time and the memory of both count. A client makes one
 * call after another. What it sends is prepared once, and what it receives is not turned into arrays: the server is
 * measured, and what the wire costs at both ends.
 */
@NullMarked
package dev.hivemind.benchmarks.throughput;

import org.jspecify.annotations.NullMarked;
