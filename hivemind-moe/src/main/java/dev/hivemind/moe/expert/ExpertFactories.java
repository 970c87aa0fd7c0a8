package dev.hivemind.moe.expert;

import static java.util.Objects.requireNonNull;

import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/** The kinds of experts that a class loader finds: those of the class path, unless another is named. */
public final class ExpertFactories {

    private ExpertFactories() {}

    /**
     * The factory of this name on the class path.
     *
     * @throws IllegalArgumentException if there is none, with the names that exist, or if there are several
     */
    public static ExpertFactory named(String name) {
        return named(name, Thread.currentThread().getContextClassLoader());
    }

    /**
     * The factory of this name that a class loader finds.
     *
     * @throws IllegalArgumentException if there is none, with the names that exist, or if there are several
     */
    public static ExpertFactory named(String name, ClassLoader loader) {
        requireNonNull(name, "name");
        List<ExpertFactory> known = all(loader);
        List<ExpertFactory> found =
                known.stream().filter(factory -> factory.name().equals(name)).toList();
        if (found.isEmpty()) {
            throw new IllegalArgumentException("There is no expert class '%s'. Known are: %s"
                    .formatted(name, known.stream().map(ExpertFactory::name).collect(Collectors.joining(", "))));
        }
        if (found.size() > 1) {
            throw new IllegalArgumentException("Several expert classes are called '%s': %s".formatted(name, found));
        }
        return found.get(0);
    }

    /** The names of all kinds on the class path, in alphabetical order. */
    public static List<String> names() {
        return all().stream().map(ExpertFactory::name).toList();
    }

    /** All kinds on the class path, in alphabetical order of their names. */
    public static List<ExpertFactory> all() {
        return all(Thread.currentThread().getContextClassLoader());
    }

    private static List<ExpertFactory> all(ClassLoader loader) {
        return ServiceLoader.load(ExpertFactory.class, loader).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparing(ExpertFactory::name))
                .toList();
    }
}
