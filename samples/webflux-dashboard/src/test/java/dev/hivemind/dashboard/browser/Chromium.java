package dev.hivemind.dashboard.browser;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** Gives a test class a headless Chromium, the same to all of them, which ends with the last. */
final class Chromium implements ExecutionCondition, ParameterResolver {

    private static final String REQUIRED = "hivemind.browser";
    private static final String HOW_TO_INSTALL =
            "chromium and chromedriver are not on the PATH;" + " on Debian: apt-get install chromium chromium-driver";

    private static final List<String> FLAGS = List.of(
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--lang=en-GB");

    /** Warns of each browser that is newer than itself; what the tests use of it does not change. Held, or it is forgotten. */
    private static final Logger SELENIUM = Logger.getLogger("org.openqa.selenium");

    private static final @Nullable Path BROWSER = onPath("chromium", "chromium-browser", "google-chrome");
    private static final @Nullable Path DRIVER = onPath("chromedriver", "chromium.chromedriver");

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (BROWSER != null && DRIVER != null) {
            return ConditionEvaluationResult.enabled("There is a browser");
        }
        if (isRequired()) {
            return ConditionEvaluationResult.enabled("A browser is required");
        }
        return ConditionEvaluationResult.disabled(LeftOut.SAID);
    }

    private static boolean isRequired() {
        return "true".equals(System.getenv("CI")) || "required".equals(System.getProperty(REQUIRED));
    }

    /** Initialised, and said, by the first class that is left out. */
    private static final class LeftOut {

        static final String SAID = say("The browser tests are left out: " + HOW_TO_INSTALL);

        @SuppressWarnings("SystemOut")
        private static String say(String line) {
            System.out.println(line);
            return line;
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == ChromeDriver.class;
    }

    @Override
    public ChromeDriver resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return context.getRoot()
                .getStore(Namespace.create(Chromium.class))
                .computeIfAbsent(Chromium.class, key -> new Started(start()), Started.class)
                .driver();
    }

    private static ChromeDriver start() {
        if (BROWSER == null || DRIVER == null) {
            throw new IllegalStateException(HOW_TO_INSTALL);
        }
        SELENIUM.setLevel(Level.SEVERE);
        var options = new ChromeOptions();
        options.setBinary(BROWSER.toFile());
        options.addArguments(FLAGS);
        var logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        options.setCapability(ChromeOptions.LOGGING_PREFS, logs);
        return new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(DRIVER.toFile())
                        .usingAnyFreePort()
                        .withEnvironment(Map.of())
                        .build(),
                options);
    }

    private static @Nullable Path onPath(String... names) {
        String path = Objects.requireNonNullElse(System.getenv("PATH"), "");
        return Stream.of(names)
                .flatMap(name -> Arrays.stream(path.split(File.pathSeparator)).map(folder -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
    }

    private record Started(ChromeDriver driver) implements AutoCloseable {

        @Override
        public void close() {
            driver.quit();
        }
    }
}
