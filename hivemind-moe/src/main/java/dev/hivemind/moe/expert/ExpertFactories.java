package dev.hivemind.moe.expert;

import static java.util.Objects.requireNonNull;

import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/** The kinds of experts on the class path. */
public final class ExpertFactories {

    private ExpertFactories() {}

    /**
     * The factory of this name.
     *
     * @throws IllegalArgumentException if there is none, with the names that exist, or if there are several
     */
    public static ExpertFactory named(String name) {
        requireNonNull(name, "name");
        List<ExpertFactory> found =
                all().stream().filter(factory -> factory.name().equals(name)).toList();
        if (found.isEmpty()) {
            throw new IllegalArgumentException(
                    "There is no expert class '%s'. Known are: %s".formatted(name, String.join(", ", names())));
        }
        if (found.size() > 1) {
            throw new IllegalArgumentException("Several expert classes are called '%s': %s".formatted(name, found));
        }
        return found.get(0);
    }

    /** The names of all kinds, in alphabetical order. */
    public static List<String> names() {
        return all().stream().map(ExpertFactory::name).toList();
    }

    /** All kinds, in alphabetical order of their names. */
    public static List<ExpertFactory> all() {
        return ServiceLoader.load(ExpertFactory.class).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparing(ExpertFactory::name))
                .toList();
    }
}
