// The view of training: runs side by side, their curves over the steps, and how the gate spreads the work of one of them.

import { cut, el, foreign, plain, setAttribute, setText } from "../dom.js";
import { ago, count, fixed, known, loss, number, percent, plural } from "../format.js";
import { mainRun } from "../headline.js";
import { column, list, runKey } from "../model.js";
import { plotCard } from "../plot.js";
import { dataTable } from "../table.js";
import { addressOf } from "../tabs.js";

const MOST_CURVES = 6;
const MOST_BARS = 24;

const CURVES = [
  { name: "loss", title: "Loss", caption: "How wrong the model still is. Lower is better.", format: loss },
  { name: "accuracy", title: "Accuracy", caption: "Share of right answers. Higher is better.", format: percent, rangeY: () => [0, 1] },
  { name: "learningRate", title: "Learning rate", caption: "How big a step the optimizer takes.", format: number },
  { name: "staleness", title: "Staleness", caption: "Steps that others made while a batch was under way.", format: number },
];

/** Binds the view; `draw` it with the swarm and the server's time. */
export function trainingView() {
  const body = document.getElementById("training-body");
  const empty = el("div", { class: "card empty" }, "Nobody trains here yet. ",
    el("code", {}, "./hivemind demo"), " starts a swarm and trains through it; a trainer of your own shows up when it reports to the address at the foot of this page.");
  const cards = el("div", { class: "runs" });
  const curves = el("div", { class: "chart-grid curves" });
  const usage = usageCard();
  const tableHost = el("div", { class: "card flush" });
  const all = el("div", {}, cards, curves, usage.element, el("h2", { class: "section-title" }, "All runs"), tableHost);
  const table = dataTable(tableHost, { label: "All runs", keyOf: runKey, empty: "No runs yet.", columns: runColumns() });
  body.append(empty, all);

  const plots = CURVES.map((curve) => {
    const card = plotCard({ ...curve, series: [], formatX: count, nameX: "Step", sync: "runs" });
    curves.append(card.element);
    return { ...curve, card };
  });
  const figures = new Map();
  let shownRuns = "";
  let drawn = null;

  function draw(swarm, now) {
    const { runs } = swarm;
    empty.hidden = runs.length > 0;
    all.hidden = runs.length === 0;
    if (runs.length === 0) {
      return;
    }
    drawRuns(runs, now);
    if (drawn !== runs) {
      drawn = runs;
      drawCurves(runs.slice(0, MOST_CURVES));
      usage.draw(runs);
    }
    table.update(runs.map((run) => ({ ...run, now })));
  }

  function drawRuns(runs, now) {
    const shown = runs.slice(0, MOST_CURVES);
    const keys = new Set(shown.map(runKey));
    for (const [key, card] of figures) {
      if (!keys.has(key)) {
        card.element.remove();
        figures.delete(key);
      }
    }
    shown.forEach((run, i) => {
      const key = runKey(run);
      if (!figures.has(key)) {
        figures.set(key, runCard());
      }
      const card = figures.get(key);
      if (cards.children[i] !== card.element) {
        cards.insertBefore(card.element, cards.children[i] ?? null);
      }
      card.draw(run, i, now);
    });
  }

  function drawCurves(runs) {
    const names = runs.map(runKey).join("\n");
    for (const { name, card } of plots) {
      if (names !== shownRuns) {
        card.setSeries(runs.map((run, i) => ({ label: cut(plain(run.run), 40), stroke: `--series-${i + 1}`, dash: i % 3 })));
      }
      card.update(joined(runs, name));
    }
    shownRuns = names;
  }

  return { draw };
}

/** All steps of all runs, and a column per run with null where it has no point. */
function joined(runs, name) {
  const perRun = runs.map((run) => new Map(run.points.map((point, i) => [point[0], i])));
  const columns = runs.map((run) => column(run.names, run.points, name));
  const steps = [...new Set(runs.flatMap((run) => run.points.map((point) => point[0])))].sort((a, b) => a - b);
  return [steps, ...runs.map((_, r) => steps.map((step) => columns[r][perRun[r].get(step)] ?? null))];
}

function runCard() {
  const title = el("h2", {});
  const state = el("span", { class: "state" });
  const facts = {};
  const names = { loss: "Loss", accuracy: "Accuracy", rate: "Samples a second", step: "Step", learning: "Learning rate", staleness: "Staleness", spread: "Gate's spread", calls: "Calls" };
  const host = el("dl", { class: "run-facts" }, ...Object.entries(names).map(([key, name]) => {
    facts[key] = el("dd", {});
    return el("div", { class: key === "loss" || key === "accuracy" || key === "rate" ? "leading" : null }, el("dt", {}, name), facts[key]);
  }));
  let shown = null;
  return {
    element: el("section", { class: "card run" }, el("header", { class: "chart-head" }, title, state), host),
    draw(run, index, now) {
      if (shown !== run.run) {
        shown = run.run;
        title.replaceChildren(el("span", { class: "run-key", "data-series": index + 1, "aria-hidden": "true" }), foreign(run.run, 40));
      }
      setAttribute(title.firstChild, "data-series", index + 1);
      setAttribute(state, "data-state", run.state === "running" ? "online" : "ended");
      setText(state, run.state === "running" ? "running" : `ended ${ago(run.lastSeen, now)}`);
      setText(facts.loss, loss(run.loss));
      setText(facts.accuracy, percent(run.accuracy));
      setText(facts.rate, number(run.samplesPerSecond));
      setText(facts.step, known(run.epoch) ? `${count(run.step)}, epoch ${count(run.epoch)}` : count(run.step));
      setText(facts.learning, number(run.learningRate));
      setText(facts.staleness, known(run.staleness) ? plural(run.staleness, "step") : "–");
      setText(facts.spread, known(run.gateEntropy) ? `about ${fixed(Math.exp(run.gateEntropy), 1)} experts` : "–");
      setText(facts.calls, run.failedCalls > 0 ? `${number(run.calls)}, ${number(run.failedCalls)} failed` : number(run.calls));
    },
  };
}

/** How rows are spread over experts: the most used ones as bars, all as a table. */
function usageCard() {
  const select = el("select", { "aria-label": "Run" });
  const words = el("p", { class: "chart-caption" });
  const bars = el("ul", { class: "bars" });
  const tableHost = el("div", { class: "plot-table", hidden: true });
  const toggle = el("button", { class: "button small", type: "button", "aria-pressed": "false", "aria-label": "Table: Expert usage" }, "Table");
  const table = dataTable(tableHost, {
    label: "Expert usage", keyOf: (use) => use.uid, empty: "No figures yet.",
    columns: [
      { head: "Expert", text: (use) => use.uid, order: (use) => use.uid, node: (use) => foreign(use.uid, 40) },
      { head: "Share", number: true, text: (use) => percent(use.share), order: (use) => use.share },
    ],
  });
  const element = el("section", { class: "card chart usage" },
    el("header", { class: "chart-head" }, el("h2", {}, "Expert usage"), select, toggle), words, bars, tableHost);
  let runs = [];
  let chosen = null;

  toggle.addEventListener("click", () => {
    tableHost.hidden = !tableHost.hidden;
    bars.hidden = !tableHost.hidden;
    setAttribute(toggle, "aria-pressed", String(!tableHost.hidden));
    draw(runs);
  });
  select.addEventListener("change", () => {
    chosen = select.value;
    draw(runs);
  });

  function draw(fresh) {
    runs = fresh;
    const run = runs.find((each) => runKey(each) === chosen) ?? mainRun(runs);
    drawChoices(run);
    const uses = list(run.usage).filter((use) => known(use.share) && typeof use.uid === "string");
    const shown = [...uses].sort((a, b) => b.share - a.share).slice(0, MOST_BARS).sort((a, b) => a.uid.localeCompare(b.uid, "en", { numeric: true }));
    const even = uses.length > 0 ? 1 / uses.length : 0;
    setText(words, uses.length === 0 ? "This run has not told yet where its gate sends rows." : `Where the gate sends its rows. An even gate would give each of ${plural(uses.length, "expert")} ${percent(even)}; the mark shows it.${uses.length > shown.length ? ` These are the ${shown.length} most used.` : ""}`);
    drawBars(shown, even);
    if (!tableHost.hidden) {
      table.update(uses);
    }
  }

  function drawChoices(run) {
    const keys = runs.map(runKey);
    select.hidden = runs.length < 2;
    if (select.dataset.keys !== keys.join("\n")) {
      select.dataset.keys = keys.join("\n");
      select.replaceChildren(...runs.map((each) => el("option", { value: runKey(each) }, cut(plain(each.run), 40))));
    }
    if (select.value !== runKey(run)) {
      select.value = runKey(run);
    }
  }

  function drawBars(uses, even) {
    const most = Math.max(even * 1.25, ...uses.map((use) => use.share));
    while (bars.children.length > uses.length) {
      bars.lastChild.remove();
    }
    uses.forEach((use, i) => {
      const line = bars.children[i] ?? bars.appendChild(el("li", {}, el("a", {}), el("span", { class: "bar-track", "aria-hidden": "true" }, el("span", { class: "bar-fill" }), el("span", { class: "bar-even" })), el("span", { class: "bar-value" })));
      const [link, track, value] = line.children;
      if (link.dataset.uid !== use.uid) {
        link.dataset.uid = use.uid;
        link.href = addressOf("experts", use.uid);
        link.replaceChildren(foreign(use.uid, 24));
      }
      track.firstChild.style.width = `${((100 * use.share) / most).toFixed(1)}%`;
      track.lastChild.style.left = `${((100 * even) / most).toFixed(1)}%`;
      setText(value, percent(use.share));
    });
  }

  return { element, draw };
}

function runColumns() {
  return [
    { head: "Run", text: (run) => run.run, order: (run) => run.run, node: (run) => foreign(run.run, 40) },
    { head: "State", text: (run) => run.state, order: (run) => run.state, node: (run) => el("span", { class: "state", "data-state": run.state === "running" ? "online" : "ended" }, run.state) },
    { head: "Step", number: true, text: (run) => count(run.step), order: (run) => run.step },
    { head: "Loss", number: true, text: (run) => loss(run.loss), order: (run) => run.loss },
    { head: "Accuracy", number: true, text: (run) => percent(run.accuracy), order: (run) => run.accuracy },
    { head: "Samples/s", number: true, text: (run) => number(run.samplesPerSecond), order: (run) => run.samplesPerSecond },
    { head: "Calls", number: true, text: (run) => number(run.calls), order: (run) => run.calls },
    { head: "Failed", number: true, text: (run) => number(run.failedCalls), order: (run) => run.failedCalls },
    { head: "Experts", number: true, text: (run) => count(run.expertsAnswering), order: (run) => run.expertsAnswering },
    { head: "Heard", number: true, text: (run) => ago(run.lastSeen, run.now), order: (run) => run.lastSeen },
  ];
}
