package dev.hivemind.moe.client;

import reactor.core.scheduler.Scheduler;

/**
 * What all calls of one client share.
 *
 * @param tensors the client's tensor thread
 * @param gate bounds the calls under way
 */
record ExpertCalls(Scheduler tensors, CallGate gate) {}
