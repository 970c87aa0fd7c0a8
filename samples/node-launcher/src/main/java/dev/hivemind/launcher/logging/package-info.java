/**
 * How the program logs.
 *
 * <p>{@link dev.hivemind.launcher.logging.LogConfiguration} is what a file for Logback would say, without the time that
 * reading one takes at each start.
 */
@NullMarked
package dev.hivemind.launcher.logging;

import org.jspecify.annotations.NullMarked;
