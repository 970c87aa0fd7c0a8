package dev.hivemind.launcher.process;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The command line of a further JVM: the same Java and class path as this one, with the flags that tensors need.
 *
 * @param mainClass the class to start
 * @param furtherFlags for Java
 */
record ChildCommand(String mainClass, List<String> furtherFlags) {

    /** From this version on, Java wants to be told that native code may be called. */
    private static final int NATIVE_ACCESS_FLAG_SINCE = 22;

    ProcessBuilder builder(List<String> arguments) {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(collector(System.getenv()));
        command.addAll(flags(Runtime.version().feature()));
        command.addAll(furtherFlags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
        command.addAll(arguments);
        var builder = new ProcessBuilder(command);
        builder.environment().put("OPT_OUT_TRACKING", "true");
        return builder;
    }

    /**
     * A simple collector, since the heap of a process whose tensors lie outside of it stays small; none if the environment
     * names another, because Java refuses to start with two.
     */
    static List<String> collector(Map<String, String> environment) {
        boolean chosen = Stream.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")
                .flatMap(variable ->
                        Stream.of(environment.getOrDefault(variable, "").split("\\s+", -1)))
                .anyMatch(option -> option.startsWith("-XX:+Use") && option.endsWith("GC"));
        return chosen ? List.of() : List.of("-XX:+UseSerialGC", "-Xmn32m");
    }

    static List<String> flags(int javaVersion) {
        var flags = new ArrayList<>(List.of(
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.graph_optimizer=false",
                // Netty then takes memory for tensors without filling it with zeros first.
                "-Dio.netty.tryReflectionSetAccessible=true",
                "--add-opens=java.base/java.nio=ALL-UNNAMED"));
        if (javaVersion >= NATIVE_ACCESS_FLAG_SINCE) {
            flags.add("--enable-native-access=ALL-UNNAMED");
        }
        return flags;
    }
}
