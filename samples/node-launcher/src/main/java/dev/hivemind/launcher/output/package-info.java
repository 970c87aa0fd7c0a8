/**
 * What people and programs see of a command.
 *
 * <p>{@link dev.hivemind.launcher.output.ProgressReporter} shows training as a bar, plain lines or JSON, whichever suits
 * the receiver; {@link dev.hivemind.launcher.output.JsonLines} and {@link dev.hivemind.launcher.output.ResultTable} write
 * the results.
 */
@NullMarked
package dev.hivemind.launcher.output;

import org.jspecify.annotations.NullMarked;
