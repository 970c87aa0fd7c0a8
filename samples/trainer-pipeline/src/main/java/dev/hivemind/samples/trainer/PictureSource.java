package dev.hivemind.samples.trainer;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where the four files of a data set come from. */
interface PictureSource {

    String GZIP_SUFFIX = ".gz";

    /**
     * Opens a file, compressed or not.
     *
     * @param name the file's name without {@code .gz}
     */
    File open(String name) throws IOException;

    /** What a person can do when a file is missing or broken, as a sentence. */
    String advice();

    /**
     * An open file, owned by the receiver.
     *
     * @param name as a person knows it
     * @param compressed whether the stream is gzip
     */
    record File(String name, InputStream stream, boolean compressed) {}

    /** The resources that travel with this package. */
    record Bundled(String folder) implements PictureSource {

        @Override
        public File open(String name) throws IOException {
            String resource = folder + "/" + name + GZIP_SUFFIX;
            InputStream stream = PictureSource.class.getResourceAsStream(resource);
            if (stream == null) {
                throw new FileNotFoundException(resource);
            }
            return new File("bundled " + resource, stream, true);
        }

        @Override
        public String advice() {
            return "The build is incomplete: rebuild with 'mvn clean package'.";
        }
    }

    /** A directory with the files under their usual names, with or without {@code .gz}. */
    record Directory(Path path) implements PictureSource {

        @Override
        public File open(String name) throws IOException {
            Path compressed = path.resolve(name + GZIP_SUFFIX);
            Path plain = path.resolve(name);
            boolean usePlain = !Files.exists(compressed) && Files.exists(plain);
            Path chosen = usePlain ? plain : compressed;
            return new File(chosen.toString(), Files.newInputStream(chosen), !usePlain);
        }

        @Override
        public String advice() {
            return "Download the four files of https://github.com/zalandoresearch/fashion-mnist into %s, or leave out"
                            .formatted(path)
                    + " --data to use the bundled pictures.";
        }
    }
}
