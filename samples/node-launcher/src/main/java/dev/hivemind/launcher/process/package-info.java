/**
 * Child processes that never outlive their parent.
 *
 * <p>{@link dev.hivemind.launcher.process.ChildProcesses} starts further JVMs of this launcher and ends them when it is
 * closed or the JVM shuts down. In the child, {@link dev.hivemind.launcher.process.ParentWatch} reads standard input,
 * whose end tells that the parent is gone, even when that was killed without notice.
 */
@NullMarked
package dev.hivemind.launcher.process;

import org.jspecify.annotations.NullMarked;
