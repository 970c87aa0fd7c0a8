package dev.hivemind.launcher.server;

import java.util.OptionalInt;

/**
 * Where a server computes, and with how many threads.
 *
 * @param device as {@code --device} names it
 * @param deviceThreads how many experts to compute at a time; empty to let the server choose
 * @param intraOpThreads threads that share the work of one expert; empty to let the server choose
 */
record ComputeOptions(String device, OptionalInt deviceThreads, OptionalInt intraOpThreads) {}
