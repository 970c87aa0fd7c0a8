package dev.hivemind.launcher.server;

import dev.hivemind.moe.expert.ExpertFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;

/** A jar with an expert class that is on no class path. */
final class CustomModule {

    /** The name of the expert class. */
    static final String NAME = "custom";

    private CustomModule() {}

    /** Makes the jar. */
    static Path jar(Path directory) throws IOException {
        Path jar = directory.resolve("custom.jar");
        String file = CustomFactory.class.getName().replace('.', '/') + ".class";
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out);
                InputStream code = CustomModule.class.getClassLoader().getResourceAsStream(file)) {
            add(entries, file, code.readAllBytes());
            add(
                    entries,
                    "META-INF/services/" + ExpertFactory.class.getName(),
                    CustomFactory.class.getName().getBytes(StandardCharsets.UTF_8));
        }
        return jar;
    }

    private static void add(JarOutputStream entries, String name, byte[] content) throws IOException {
        entries.putNextEntry(new JarEntry(name));
        entries.write(content);
        entries.closeEntry();
    }
}
