/**
 * What a remote layer adds to a step of training: a local model beside the same model with an expert in its middle that
 * returns what it is given, and beside the two bare calls that such an expert takes.
 *
 * <p>Server and client are nodes of one process that talk over a loopback socket; steps are taken by one thread.
 */
@NullMarked
package dev.hivemind.benchmarks.autograd;

import org.jspecify.annotations.NullMarked;
