/**
 * Tensors as bytes: element types, shapes and reference-counted buffers.
 *
 * <p>Nothing here knows a tensor library. The order of bytes is little-endian, the order of elements row-major, and
 * tensors of one call follow each other without padding.
 */
@NullMarked
package dev.hivemind.rsocket.tensor;

import org.jspecify.annotations.NullMarked;
