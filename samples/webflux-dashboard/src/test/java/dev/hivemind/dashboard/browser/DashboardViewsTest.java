package dev.hivemind.dashboard.browser;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dashboard.Dashboard;
import dev.hivemind.dashboard.DashboardOptions;
import dev.hivemind.dashboard.browser.DashboardPage.AxeRules;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.openqa.selenium.Keys;
import org.openqa.selenium.chrome.ChromeDriver;

/** Each view shows what a real small swarm does, to eyes, keyboards and screen readers. */
@ExtendWith(Chromium.class)
class DashboardViewsTest {

    private static SmallSwarm swarm;
    private static Dashboard dashboard;
    private static SmallTrainer trainer;

    private DashboardPage page;

    @BeforeAll
    static void start() {
        swarm = SmallSwarm.start();
        dashboard = Dashboard.start(DashboardOptions.local(swarm.entrance()));
        trainer = SmallTrainer.start(swarm.entrance(), dashboard.reportAddress(), "mixture");
    }

    @AfterAll
    static void close() {
        trainer.close();
        dashboard.close();
        swarm.close();
    }

    @BeforeEach
    void open(ChromeDriver browser) {
        page = new DashboardPage(browser, dashboard.url());
        page.consoleErrors();
    }

    @Test
    void headline_ofATraining_saysWhatGoesOn() {
        page.open("swarm");

        page.await(
                "a headline with the run and its figures",
                () -> page.text("#headline")
                        .matches("Training mixture — loss [\\d.]+, accuracy [\\d.]+ %, [\\d,.k]+ samples/s"));
        page.await("how many experts there are", () -> page.text("#subline").startsWith("3 nodes host 16 experts"));
        page.await("that it is live", () -> page.text("#connection-text").equals("Live"));
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void swarmView_showsEachNodeInTheMapAndTheTable() {
        page.open("swarm");

        page.await(
                "all servers in the map",
                () -> page.attributes("#swarm-map .node", "aria-label").stream()
                                .filter(label -> label.contains(", server, online"))
                                .count()
                        == 3);
        page.await(
                "all servers in the table",
                () -> page.texts("#swarm-table tbody th").containsAll(swarm.addresses()));
        page.await(
                "how far away they are",
                () -> page.texts("#swarm-table tbody tr").stream()
                        .filter(row -> row.contains("server"))
                        .allMatch(row -> row.contains(" ms") || row.contains(" µs")));
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void expertsView_showsTheGridAndItsFigures() {
        page.open("experts");

        page.await("sixteen experts online", () -> page.count(".heat .cell[data-state=online]") == 16);
        page.await(
                "rows that were computed",
                () -> page.attributes(".heat .cell", "data-step").stream().anyMatch(step -> step.matches("[1-7]")));
        page.browser().executeScript("document.querySelector('input[value=usage]').click()");
        page.await(
                "shares of the gate",
                () -> page.attributes(".heat .cell", "aria-label").stream()
                        .anyMatch(label -> label.matches("ffn\\.\\d\\.\\d, [\\d.]+ %")));
        assertThat(page.texts("#experts-table tbody th")).hasSize(16).contains("ffn.0.0", "ffn.3.3");
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void chartsView_hasCurvesAndATableBehindEach() {
        page.open("charts");

        page.await("rows a second", () -> isPositive(page.text("#charts-grid .readout-value")));
        page.await("six drawn charts", () -> page.count("#charts-grid canvas") == 6);
        page.element("#charts-grid .chart-head button").click();
        page.await(
                "the same as a table", () -> page.texts("#charts-grid tbody tr").size() > 1);
        page.element("#charts-pause").click();
        page.await("that it is held still", () -> page.text("#charts-note").startsWith("Held still at"));
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void trainingView_showsRunsCurvesAndExpertUsage() {
        page.open("training");

        page.await("the run", () -> page.text(".run h2").equals("mixture"));
        page.await("its loss", () -> isPositive(page.text(".run-facts dd")));
        page.await("four curves", () -> page.count("#training-body canvas") == 4);
        page.await("use of the experts", () -> !page.texts(".bars li").isEmpty());
        assertThat(page.texts("#training-body tbody th")).contains("mixture");
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void eventsView_filters() {
        page.open("events");

        page.await("that servers joined", () -> page.texts(".event-kind").contains("Join"));
        page.element("#events-text").sendKeys("no such word");
        page.await(
                "nothing that passes",
                () -> page.text("#events-empty").startsWith("No event passes")
                        && page.element("#events-empty").isDisplayed());
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void keyboard_reachesViewsAndCells() {
        page.open("swarm");
        page.await("a map", () -> page.count("#swarm-map .node") > 0);

        page.element("#tab-swarm").sendKeys(Keys.ARROW_RIGHT);
        page.await("the next view", () -> page.element("#panel-experts").isDisplayed());
        page.await("cells", () -> page.count(".heat .cell[data-state=online]") == 16);
        page.element(".heat .cell[tabindex='0']").sendKeys(Keys.ARROW_RIGHT);
        page.browser().switchTo().activeElement().sendKeys(Keys.ARROW_DOWN);
        page.browser().switchTo().activeElement().sendKeys(Keys.ENTER);

        page.await(
                "the expert one to the right and one below",
                () -> page.text("#experts-detail h2").equals("ffn.1.1"));
        assertThat(page.browser().getCurrentUrl()).endsWith("#experts/ffn.1.1");
    }

    @Test
    void allViews_areAccessible() {
        for (String view : DashboardPage.VIEWS) {
            openFull(view);
            page.screenshot(view + "-light");
            assertThat(page.seriousViolations(AxeRules.ALL)).as(view).isEmpty();
        }
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void allViews_inTheDark_haveContrast() {
        page.look("dark", 1280, 900);
        for (String view : DashboardPage.VIEWS) {
            openFull(view);
            page.screenshot(view + "-dark");
            assertThat(page.seriousViolations(AxeRules.CONTRAST)).as(view).isEmpty();
        }
        assertThat(page.consoleErrors()).isEmpty();
    }

    @Test
    void allViews_onAPhone_fit() {
        page.look("light", 360, 740);
        for (String view : DashboardPage.VIEWS) {
            openFull(view);
            page.screenshot(view + "-narrow");
            assertThat(page.fitsItsWidth()).as(view).isTrue();
        }
    }

    @Test
    void swarmView_onAWall_fits() {
        page.look("dark", 3840, 2160);
        openFull("swarm");
        page.screenshot("swarm-wall");
        assertThat(page.fitsItsWidth()).isTrue();
    }

    private void openFull(String view) {
        page.open(view);
        page.await("a view with figures", () -> isFull(view));
    }

    private boolean isFull(String view) {
        return switch (view) {
            case "swarm" -> page.count("#swarm-map .node") >= 3;
            case "experts" -> page.count(".heat .cell[data-state=online]") == 16;
            case "charts" -> page.count("#charts-grid canvas") == 6;
            case "training" -> page.count("#training-body canvas") == 4;
            default -> page.count(".event") > 0;
        };
    }

    private static boolean isPositive(String figure) {
        return figure.matches("[\\d.,]*[1-9][\\d.,kM]*");
    }
}
