/**
 * What the tests of every module share; it depends on none of them, and is used with test scope.
 *
 * <p>On by itself for each module that depends on it: {@link dev.hivemind.testkit.BufferLeakExtension}, a quiet log, and,
 * in the build's second run of the reactive suites, BlockHound. Used by hand:
 * {@link dev.hivemind.testkit.TrackedBuffers} for exact accounts of buffers, {@link dev.hivemind.testkit.ManualClock} for
 * time, {@link dev.hivemind.testkit.FaultProxy} for a network that fails on demand.
 */
@NullMarked
package dev.hivemind.testkit;

import org.jspecify.annotations.NullMarked;
