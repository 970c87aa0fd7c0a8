package dev.hivemind.launcher.server;

import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertFactory;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceConfigurationError;

/** Expert classes that come with jars of their own. */
final class CustomModules {

    private CustomModules() {}

    /**
     * The expert class of this name, from the jars or from this program. Their classes stay loaded as long as the process
     * runs, since experts are made of them.
     *
     * @param modules jars and directories of classes, which see each other and this program
     * @throws IllegalArgumentException if there is none, or a jar is missing or broken
     */
    static ExpertFactory named(String name, List<Path> modules) {
        if (modules.isEmpty()) {
            return ExpertFactories.named(name);
        }
        URL[] urls = modules.stream().map(CustomModules::url).toArray(URL[]::new);
        try {
            return ExpertFactories.named(name, new URLClassLoader(urls, CustomModules.class.getClassLoader()));
        } catch (ServiceConfigurationError | LinkageError broken) {
            throw new IllegalArgumentException(
                    "The expert classes of --custom-module-path cannot be loaded: %s".formatted(broken), broken);
        }
    }

    private static URL url(Path module) {
        if (!Files.isReadable(module)) {
            throw new IllegalArgumentException("There is no %s for --custom-module-path".formatted(module));
        }
        try {
            return module.toUri().toURL();
        } catch (MalformedURLException odd) {
            throw new IllegalArgumentException("%s is no path of a jar".formatted(module), odd);
        }
    }
}
