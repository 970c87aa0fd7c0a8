package dev.hivemind.rsocket.compression;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Half precision by the processor's own instructions, which {@code java.lang.Float} offers from Java 20 on. */
final class IntrinsicHalf implements HalfPrecision {

    private static final @Nullable MethodHandle NARROW =
            find("floatToFloat16", MethodType.methodType(short.class, float.class));
    private static final @Nullable MethodHandle WIDEN =
            find("float16ToFloat", MethodType.methodType(float.class, short.class));

    private IntrinsicHalf() {}

    /** Empty on JVMs that do not have the methods. */
    static Optional<IntrinsicHalf> find() {
        return NARROW == null || WIDEN == null ? Optional.empty() : Optional.of(new IntrinsicHalf());
    }

    private static @Nullable MethodHandle find(String name, MethodType type) {
        try {
            return MethodHandles.publicLookup().findStatic(Float.class, name, type);
        } catch (NoSuchMethodException | IllegalAccessException olderJava) {
            return null;
        }
    }

    @Override
    @SuppressWarnings("NullAway") // An instance exists only if both handles do; as constants they are inlined.
    public void narrow(float[] source, short[] target, int count) {
        try {
            for (int i = 0; i < count; i++) {
                target[i] = (short) NARROW.invokeExact(source[i]);
            }
        } catch (Throwable e) {
            throw cannotFail(e);
        }
    }

    @Override
    @SuppressWarnings("NullAway") // As above.
    public void widen(short[] source, float[] target, int count) {
        try {
            for (int i = 0; i < count; i++) {
                target[i] = (float) WIDEN.invokeExact(source[i]);
            }
        } catch (Throwable e) {
            throw cannotFail(e);
        }
    }

    private static IllegalStateException cannotFail(Throwable e) {
        return new IllegalStateException("Converting a number failed", e);
    }
}
