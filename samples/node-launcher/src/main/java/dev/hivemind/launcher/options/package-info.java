/**
 * What the command line consists of, whatever the command.
 *
 * <p>Values come from flags, then from variables {@code HIVEMIND_*} of the environment, then from the YAML file of
 * {@code --config}, then from the defaults: {@link dev.hivemind.launcher.options.DefaultValues} supplies all that no flag
 * gives, and remembers where it found them. Converters refuse bad values while the command line is read.
 */
@NullMarked
package dev.hivemind.launcher.options;

import org.jspecify.annotations.NullMarked;
