package dev.hivemind.moe.data;

import dev.hivemind.moe.training.HostTensor;
import java.util.List;

/** Samples that are read by their numbers, in any order. Safe for use from any thread. */
public interface SampleSet extends AutoCloseable {

    /**
     * Opens pictures and their classes, in two IDX files of unsigned bytes, compressed or not; the caller closes the set.
     * Blocks for files.
     *
     * @param pictures of three dimensions: count, height, width
     * @param labels of one dimension, as many as there are pictures
     * @throws DataException if a file is missing, broken, empty or does not match the other, or a label is out of range
     */
    static PictureSet pictures(DataFile pictures, DataFile labels, PictureFormat format) {
        return PictureSet.open(pictures, labels, format);
    }

    /**
     * Opens a text in UTF-8, compressed or not; the caller closes the set. Blocks for files.
     *
     * @throws DataException if the file is missing, no UTF-8, shorter than one sequence, or holds a character that is not
     *     in the vocabulary given
     */
    static TextSet text(DataFile file, TextFormat format) {
        return TextSet.open(file, format);
    }

    /** How many samples there are; at least 1. */
    long size();

    /**
     * A number that other samples have not, as far as that can be told without reading them all: it tells a mistake, not an
     * intent. Default: 0, which tells nothing.
     */
    default int fingerprint() {
        return 0;
    }

    /**
     * A new reader, owned by the caller. Blocks for files.
     *
     * @throws DataException if the data is gone
     */
    Reader open();

    /** Gives up what the set holds besides its readers. Idempotent. */
    @Override
    void close();

    /** Reads samples. Used by one thread at a time, which waits for files. */
    interface Reader extends AutoCloseable {

        /**
         * Reads samples in the order of their numbers here.
         *
         * @param numbers each from 0 to the set's size (exclusive); at least one
         * @throws DataException if the data cannot be read
         */
        Rows read(long[] numbers);

        /** Closes files. Idempotent. */
        @Override
        void close();
    }

    /**
     * Samples that were read, as a batch has them.
     *
     * @param inputs rows first
     * @param targets rows first
     */
    record Rows(List<HostTensor> inputs, List<HostTensor> targets) {

        public Rows {
            inputs = List.copyOf(inputs);
            targets = List.copyOf(targets);
        }
    }
}
