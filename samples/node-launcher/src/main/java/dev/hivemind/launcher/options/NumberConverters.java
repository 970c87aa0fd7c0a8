package dev.hivemind.launcher.options;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Numbers with bounds, refused while the command line is read. Each of its nested classes reads one kind of them. */
public abstract class NumberConverters {

    private NumberConverters() {}

    /** A whole number of at least 1. */
    public static final class Positive extends NumberConverters implements ITypeConverter<Integer> {

        @Override
        public Integer convert(String text) {
            return wholeNumber(text, 1);
        }
    }

    /** A whole number of at least 0. */
    public static final class NotNegative extends NumberConverters implements ITypeConverter<Integer> {

        @Override
        public Integer convert(String text) {
            return wholeNumber(text, 0);
        }
    }

    /** A finite number above 0. */
    public static final class PositiveReal extends NumberConverters implements ITypeConverter<Double> {

        @Override
        public Double convert(String text) {
            double number = parseReal(text);
            if (number > 0 && number <= Double.MAX_VALUE) {
                return number;
            }
            throw new TypeConversionException("'%s' is not a number above 0".formatted(text));
        }

        private static double parseReal(String text) {
            try {
                return Double.parseDouble(text);
            } catch (NumberFormatException malformed) {
                return Double.NaN;
            }
        }
    }

    private static int wholeNumber(String text, int least) {
        try {
            int number = Integer.parseInt(text);
            if (number >= least) {
                return number;
            }
        } catch (NumberFormatException malformed) {
            // Said below, together with numbers out of bounds.
        }
        throw new TypeConversionException(
                "'%s' is not a whole number from %d to %d".formatted(text, least, Integer.MAX_VALUE));
    }
}
