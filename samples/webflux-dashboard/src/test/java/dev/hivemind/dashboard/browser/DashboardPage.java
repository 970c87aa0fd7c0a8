package dev.hivemind.dashboard.browser;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import org.jspecify.annotations.Nullable;
import org.openqa.selenium.By;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.support.ui.WebDriverWait;

/** The page as a test reads it. Texts have plain spaces, whichever the page has. */
final class DashboardPage {

    static final List<String> VIEWS = List.of("swarm", "experts", "charts", "training", "events");

    /** Rules of axe-core. Another theme changes nothing but contrasts. */
    enum AxeRules {
        ALL(Map.of()),
        CONTRAST(Map.of("runOnly", List.of("color-contrast")));

        private final Map<String, List<String>> options;

        AxeRules(Map<String, List<String>> options) {
            this.options = options;
        }
    }

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration POLL_PERIOD = Duration.ofMillis(100);
    private static final Path SCREENSHOTS = Path.of("target", "screenshots");
    private static final int TALLEST = 6_000;

    private final ChromeDriver browser;
    private final String url;

    DashboardPage(ChromeDriver browser, String url) {
        this.browser = browser;
        this.url = url;
        browser.manage().timeouts().scriptTimeout(PATIENCE);
        look("light", 1280, 900);
    }

    /** Loads the page afresh at a view. */
    void open(String view) {
        browser.get("about:blank");
        browser.get(url + "#" + view);
    }

    /** Goes to a view as a click on its tab does. */
    void show(String view) {
        browser.findElement(By.id("tab-" + view)).click();
    }

    /** A theme and a size from now on. */
    void look(String theme, int width, int height) {
        browser.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", theme))));
        browser.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    }

    ChromeDriver browser() {
        return browser;
    }

    WebElement element(String selector) {
        return browser.findElement(By.cssSelector(selector));
    }

    /** The texts of all elements that a selector finds, also of those that are hidden. */
    List<String> texts(String selector) {
        return strings("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector);
    }

    /** The text of the first; empty if there is none. */
    String text(String selector) {
        return texts(selector).stream().findFirst().orElse("");
    }

    List<String> attributes(String selector, String name) {
        return strings(
                "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute(arguments[1]) ?? '')",
                selector,
                name);
    }

    int count(String selector) {
        return texts(selector).size();
    }

    /** Waits until it is so; fails with what the page says otherwise. */
    void await(String what, BooleanSupplier condition) {
        new WebDriverWait(browser, PATIENCE, POLL_PERIOD)
                .ignoring(StaleElementReferenceException.class)
                .withMessage(() -> what + "; the page says: " + text("main"))
                .until(any -> condition.getAsBoolean());
    }

    /** Whether all that is on the page fits its width. */
    boolean fitsItsWidth() {
        return Boolean.TRUE.equals(
                browser.executeScript("return document.documentElement.scrollWidth <= window.innerWidth"));
    }

    /** What axe-core finds serious or critical, one line each. */
    List<String> seriousViolations(AxeRules rules) {
        browser.executeScript(axe());
        return listOf(browser.executeAsyncScript("""
                const done = arguments[arguments.length - 1];
                const options = {resultTypes: ['violations'], ...arguments[0]};
                axe.run(document, options).then(found => done(found.violations
                    .filter(each => ['serious', 'critical'].includes(each.impact))
                    .map(each => each.id + ': ' + each.nodes.map(node => node.html).slice(0, 3).join(' '))));
                """, rules.options));
    }

    private static String axe() {
        try (InputStream source = DashboardPage.class.getResourceAsStream("/axe/axe.min.js")) {
            return new String(Objects.requireNonNull(source).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Errors that the console got since it was asked last. */
    List<String> consoleErrors() {
        return browser.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.SEVERE.intValue())
                .map(LogEntry::getMessage)
                .toList();
    }

    /** The whole page goes to {@code target/screenshots}. */
    void screenshot(String name) {
        Object height = browser.executeScript("return document.documentElement.scrollHeight");
        Object width = browser.executeScript("return window.innerWidth");
        Map<String, Object> clip =
                Map.of("x", 0, "y", 0, "scale", 1, "width", number(width), "height", Math.min(TALLEST, number(height)));
        Map<String, Object> taken = browser.executeCdpCommand(
                "Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true, "clip", clip));
        try {
            Files.createDirectories(SCREENSHOTS);
            Files.write(
                    SCREENSHOTS.resolve(name + ".png"), Base64.getDecoder().decode(String.valueOf(taken.get("data"))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long number(@Nullable Object value) {
        return value instanceof Number number ? number.longValue() : 0;
    }

    private List<String> strings(String script, Object... arguments) {
        return listOf(browser.executeScript(script, arguments));
    }

    private static List<String> listOf(@Nullable Object value) {
        List<String> strings = new ArrayList<>();
        if (value instanceof List<?> items) {
            items.forEach(item -> strings.add(String.valueOf(item).replace('\u00a0', ' ')));
        }
        return strings;
    }
}
