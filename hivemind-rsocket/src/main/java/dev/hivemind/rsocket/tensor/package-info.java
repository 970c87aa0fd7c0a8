/**
 * Tensors as bytes: element types, shapes, compression and reference-counted buffers.
 *
 * <p>Nothing here knows a tensor library. Uncompressed, the order of bytes is little-endian and the order of
 * elements row-major; tensors of one call follow each other without padding.
 */
@NullMarked
package dev.hivemind.rsocket.tensor;

import org.jspecify.annotations.NullMarked;
