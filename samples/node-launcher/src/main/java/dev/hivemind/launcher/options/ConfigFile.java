package dev.hivemind.launcher.options;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Values of options in a YAML file. Keys are the names of options without dashes in front, under the name of their
 * command; a key at the top holds for every command that has such an option. Underscores will do for dashes.
 *
 * <pre>
 * log-level: info
 * server:
 *   listen-on: 0.0.0.0:1337
 *   initial-peers: [a.example.org:1337, b.example.org:1337]
 * </pre>
 */
final class ConfigFile {

    private static final int MAX_ALIASES = 20;

    private final Path file;
    private final Map<OptionSpec, Setting> ofCommands = new HashMap<>();
    private final Map<String, Setting> ofAll = new HashMap<>();

    private ConfigFile(Path file) {
        this.file = file;
    }

    /**
     * Reads a file for the commands below a root.
     *
     * @throws ConfigException if the file cannot be read, is no YAML, or has a key that no command knows
     */
    static ConfigFile read(Path file, CommandSpec root) {
        var config = new ConfigFile(file);
        config.compose().ifPresent(node -> config.readCommand(node, root, ""));
        return config;
    }

    private Optional<Node> compose() {
        var settings = LoadSettings.builder()
                .setLabel(file.toString())
                .setMaxAliasesForCollections(MAX_ALIASES)
                .build();
        try {
            return new Compose(settings).composeString(Files.readString(file));
        } catch (NoSuchFileException missing) {
            throw new ConfigException("%s: there is no such file".formatted(file), missing);
        } catch (CharacterCodingException binary) {
            throw new ConfigException("%s: this is no text in UTF-8".formatted(file), binary);
        } catch (IOException unreadable) {
            throw new ConfigException("%s: cannot be read: %s".formatted(file, unreadable.getMessage()), unreadable);
        } catch (MarkedYamlEngineException malformed) {
            int line =
                    malformed.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
            throw new ConfigException(
                    "%s, line %d: this is no YAML: %s".formatted(file, line, malformed.getProblem()), malformed);
        } catch (YamlEngineException malformed) {
            throw new ConfigException("%s: this is no YAML: %s".formatted(file, malformed.getMessage()), malformed);
        }
    }

    private void readCommand(Node node, CommandSpec command, String path) {
        if (!(node instanceof MappingNode mapping)) {
            throw at(node, path, "here belong keys and values, such as 'listen-on: 127.0.0.1:1337'");
        }
        for (NodeTuple entry : mapping.getValue()) {
            if (!(entry.getKeyNode() instanceof ScalarNode key)) {
                throw at(entry.getKeyNode(), path, "a key is a name");
            }
            readEntry(key, entry.getValueNode(), command, path);
        }
    }

    private void readEntry(ScalarNode key, Node value, CommandSpec command, String path) {
        String name = key.getValue().replace('_', '-');
        String here = path.isEmpty() ? name : path + "." + name;
        CommandLine subcommand = command.subcommands().get(name);
        if (subcommand != null && value instanceof MappingNode) {
            readCommand(value, subcommand.getCommandSpec(), here);
            return;
        }
        OptionSpec option = Aliases.find(command, name);
        if (option != null && !option.inherited() && command.parent() != null) {
            ofCommands.put(option, setting(value, here));
        } else if (command.parent() == null && Aliases.isKnown(command, "--" + Aliases.mainName(name))) {
            ofAll.put("--" + Aliases.mainName(name), setting(value, here));
        } else {
            throw at(
                    key,
                    here,
                    "'%s' has no such option".formatted(command.qualifiedName()) + didYouMean(name, command));
        }
    }

    private static String didYouMean(String name, CommandSpec command) {
        Set<String> known = new TreeSet<>(command.subcommands().keySet());
        command.options().stream()
                .filter(option -> !option.hidden())
                .forEach(option -> known.add(option.longestName().substring(2)));
        return Spelling.nearest(name, known)
                .map(". Did you mean '%s'?"::formatted)
                .orElse("");
    }

    private Setting setting(Node node, String path) {
        return new Setting(text(node, path), place(node, path));
    }

    private String text(Node node, String path) {
        if (node instanceof ScalarNode scalar) {
            return scalar.getValue();
        }
        List<String> parts = new ArrayList<>();
        if (node instanceof SequenceNode list) {
            list.getValue().forEach(element -> parts.add(scalar(element, path)));
        } else if (node instanceof MappingNode map) {
            map.getValue()
                    .forEach(entry ->
                            parts.add(scalar(entry.getKeyNode(), path) + "=" + scalar(entry.getValueNode(), path)));
        }
        return String.join(",", parts);
    }

    private String scalar(Node node, String path) {
        if (node instanceof ScalarNode scalar) {
            return scalar.getValue();
        }
        throw at(node, path, "a value is a text, a number, or a list of them");
    }

    private ConfigException at(Node node, String path, String problem) {
        return new ConfigException(place(node, path) + ": " + problem);
    }

    private String place(Node node, String path) {
        int line = node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
        return "%s, line %d%s".formatted(file, line, path.isEmpty() ? "" : ", key '%s'".formatted(path));
    }

    /** What the file says of an option, first for its command alone; null if nothing. */
    @Nullable Setting find(OptionSpec option) {
        Setting own = ofCommands.get(option);
        return own != null ? own : ofAll.get(option.longestName());
    }
}
