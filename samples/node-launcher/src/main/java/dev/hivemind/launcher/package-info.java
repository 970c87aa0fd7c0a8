/**
 * The {@code hivemind} command: hosts experts, runs the demo.
 *
 * <p>{@link dev.hivemind.launcher.Hivemind} is the entry. Each subcommand is one class that declares its options and
 * does its work in {@code call()}. Whatever fails ends in {@link dev.hivemind.launcher.ErrorReporter}, which turns it
 * into one line with the way out and an exit code.
 */
@NullMarked
package dev.hivemind.launcher;

import org.jspecify.annotations.NullMarked;
