package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertFactory;
import dev.hivemind.moe.expert.ExpertOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the experts of a server are. */
public final class ExpertChoice {

    @Option(
            names = "--expert-class",
            paramLabel = "NAME",
            defaultValue = "ffn",
            description = "What the experts are, one of the list below. Default: ${DEFAULT-VALUE}.")
    private String expertClass = "";

    @Option(
            names = "--hidden-dim",
            paramLabel = "N",
            converter = NumberConverters.Positive.class,
            description = "How many features the experts' inputs and outputs have. Default: 512.")
    private @Nullable Integer hiddenDim;

    @Option(
            names = "--expert-option",
            paramLabel = "NAME=VALUE",
            split = ",",
            splitSynopsisLabel = ",",
            description = "An option of the class, as listed below. May be given several times.")
    private Map<String, String> expertOptions = new LinkedHashMap<>();

    @Option(
            names = "--custom-module-path",
            paramLabel = "FILE.jar",
            split = ",",
            splitSynopsisLabel = ",",
            description =
                    "Jars, or directories of classes, with expert classes of your own and what they need: factories"
                            + " as ServiceLoader finds them. Default: none.")
    private List<Path> modules = List.of();

    /** Where further expert classes are. */
    List<Path> modules() {
        return List.copyOf(modules);
    }

    String expertClass() {
        return expertClass;
    }

    /** What was chosen of the options of the class, as it was written. */
    Map<String, String> options() {
        Map<String, String> texts = new TreeMap<>(expertOptions);
        if (hiddenDim != null) {
            texts.put(ExpertOption.HIDDEN_DIM.name(), hiddenDim.toString());
        }
        return texts;
    }

    /** The classes and their options, for the end of a help text. */
    public static String help() {
        var text = new StringBuilder("%nExpert classes, and their options:%n".formatted());
        for (ExpertFactory factory : ExpertFactories.all()) {
            text.append("  %s: %s%n".formatted(factory.name(), factory.description()));
            factory.options().forEach(option -> text.append("      %s%n".formatted(option)));
        }
        return text.toString();
    }
}
