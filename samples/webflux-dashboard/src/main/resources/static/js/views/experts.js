// The view of experts: a heat map over the grid of their names, what is known of the chosen one, and the table of all.

import { cut, el, foreign, frames, plain, replaceContent, segments, setAttribute, setText } from "../dom.js";
import { count, duration, known, number, percent } from "../format.js";
import { nodeName } from "../map.js";
import { list } from "../model.js";
import { dataTable } from "../table.js";
import { addressOf, keepChoice } from "../tabs.js";
import { factList } from "./swarm.js";

const STEPS = 7;
const COLUMNS_OF_A_LINE = 16;
const MOST_COLUMNS_WITH_FIGURES = 8;
const MOST_CELLS = 4_096;
const MOST_COLUMNS = 256;
/** Among many experts a few busy ones would leave all others pale, so these few share the top colour. */
const MANY_CELLS = 64;
const TOP_SHARE = 0.03;
const GLYPHS = { joining: "…", draining: "↓", gone: "×" };

const MEASURES = {
  rows: { label: "Rows/s", name: "Rows a second", of: (expert) => expert.rowsPerSecond, format: number },
  queue: { label: "Queue time", name: "Time in the queue", of: (expert) => expert.queueMillis, format: duration },
  usage: { label: "Gate usage", name: "Share of rows that gates sent there", of: (expert) => expert.usage, format: percent },
  failures: { label: "Failures", name: "Failures and refusals a second", of: (expert) => sum(expert.failuresPerSecond, expert.rejectionsPerSecond), format: number, bad: true },
};

/** Binds the view; `draw` it with the swarm and the server's time. */
export function expertsView() {
  const host = document.getElementById("experts-grid");
  const detail = document.getElementById("experts-detail");
  const prefixField = document.getElementById("experts-prefix-field");
  const prefixSelect = document.getElementById("experts-prefix");
  const drawScale = scaleBar(document.getElementById("experts-scale"));
  let measure = "rows";
  let prefix = null;
  let chosen = null;
  let pointed = null;
  let last = null;
  const top = {};
  const redraw = frames(() => last && draw(last));

  segments(document.getElementById("experts-measure"), "measure", Object.entries(MEASURES).map(([key, { label }]) => [key, label]), measure, (value) => {
    measure = value;
    redraw();
  });
  prefixSelect.addEventListener("change", () => {
    prefix = prefixSelect.value;
    redraw();
  });
  const grid = heatGrid(host, {
    onPoint(uid, towards) {
      if (!towards || !detail.contains(towards)) {
        pointed = uid;
        redraw();
      }
    },
    onChoose(uid) {
      chosen = uid;
      keepChoice("experts", uid);
      redraw();
    },
  });
  detail.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !detail.contains(event.relatedTarget)) {
      pointed = null;
      redraw();
    }
  });
  const table = dataTable(document.getElementById("experts-table"), {
    label: "All experts of the grid",
    keyOf: (expert) => expert.uid,
    empty: "No experts yet.",
    isChosen: (expert) => expert.uid === chosen,
    columns: expertColumns(),
  });

  function draw(swarm) {
    last = swarm;
    const shown = chosenGrid(swarm);
    drawPrefixes(swarm.grids, shown);
    const experts = list(shown?.experts).slice(0, MOST_CELLS);
    const scale = scaleFor(shown, experts);
    grid.draw(shown, experts, MEASURES[measure], scale.top, chosen);
    drawScale(MEASURES[measure], scale, experts.length > 0);
    const names = new Map(swarm.nodes.map((node) => [node.id, nodeName(node)]));
    table.update(experts.map((expert) => ({ ...expert, ownerNames: list(expert.owners).map((id) => names.get(id) ?? String(id).slice(0, 8)) })));
    drawDetail(detail, experts.find((expert) => expert.uid === (pointed ?? chosen)), experts, names);
  }

  function chosenGrid(swarm) {
    if (chosen && prefix === null) {
      const holding = swarm.grids.find((each) => list(each.experts).some((expert) => expert.uid === chosen));
      prefix = holding?.prefix ?? null;
    }
    return swarm.grids.find((each) => each.prefix === prefix) ?? swarm.grids[0];
  }

  function drawPrefixes(grids, shown) {
    prefixField.hidden = grids.length < 2;
    const names = grids.map((each) => each.prefix);
    if (prefixSelect.dataset.names !== names.join("\n")) {
      prefixSelect.dataset.names = names.join("\n");
      prefixSelect.replaceChildren(...names.map((name) => el("option", { value: name }, cut(plain(name), 40))));
    }
    if (shown && prefixSelect.value !== shown.prefix) {
      prefixSelect.value = shown.prefix;
    }
  }

  /** The top of the scale grows at once and shrinks late, so that colours do not flicker. */
  function scaleFor(shown, experts) {
    const values = experts.map((expert) => MEASURES[measure].of(expert)).filter(known).sort((a, b) => b - a);
    const most = values[values.length > MANY_CELLS ? Math.floor(values.length * TOP_SHARE) : 0] || values[0] || 0;
    const key = `${measure} ${shown?.prefix}`;
    const before = top[key] ?? 0;
    top[key] = most > before || most < before * 0.4 ? roundUp(most) : before;
    return { top: top[key], open: values[0] > top[key] };
  }

  return {
    draw,
    choose(uid) {
      chosen = uid;
      prefix = uid === null ? prefix : null;
    },
  };
}

/** A grid of cells that arrow keys move in; `onPoint` and `onChoose` get a uid or null. */
function heatGrid(host, { onPoint, onChoose }) {
  const body = el("div", { class: "heat", role: "grid" });
  const empty = el("p", { class: "empty", hidden: true }, "No experts yet. A server brings some: ./hivemind server --num-experts 8 --expert-pattern 'ffn.[0:4].[0:4]'.");
  host.append(body, empty);
  let cells = [];
  let columns = 0;
  let shape = "";
  let byPlace = new Map();
  let chosenUid = null;

  body.addEventListener("pointerover", (event) => onPoint(uidAt(event.target)));
  body.addEventListener("pointerleave", () => onPoint(null));
  body.addEventListener("focusin", (event) => {
    cells.forEach((cell) => setAttribute(cell, "tabindex", cell === event.target ? "0" : "-1"));
    onPoint(uidAt(event.target));
  });
  body.addEventListener("focusout", (event) => onPoint(null, event.relatedTarget));
  body.addEventListener("click", (event) => toggle(uidAt(event.target)));
  body.addEventListener("keydown", keyed);

  function uidAt(target) {
    const at = cells.indexOf(target.closest("[role=gridcell]"));
    return at < 0 ? null : byPlace.get(at)?.uid ?? null;
  }

  function toggle(uid) {
    if (uid !== null) {
      onChoose(uid === chosenUid ? null : uid);
    }
  }

  function keyed(event) {
    const at = cells.indexOf(event.target);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const row = at - (at % columns);
    const next = event.key === "Home" ? row : event.key === "End" ? Math.min(row + columns, cells.length) - 1 : at + (step ?? NaN);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle(uidAt(event.target));
    } else if (event.key === "Escape") {
      onChoose(null);
    } else if (at >= 0 && cells[next]) {
      event.preventDefault();
      cells[next].focus();
    }
  }

  function build(dimensions) {
    const lines = dimensions.length > 1;
    columns = lines ? dimensions.at(-1) : Math.min(dimensions[0], COLUMNS_OF_A_LINE);
    const amount = Math.min(MOST_CELLS, dimensions.reduce((product, size) => product * size, 1));
    const rows = Math.ceil(amount / columns);
    cells = [];
    body.replaceChildren();
    body.style.setProperty("--columns", columns);
    setAttribute(body, "data-size", columns <= MOST_COLUMNS_WITH_FIGURES ? "roomy" : columns <= 16 ? "close" : "dense");
    setAttribute(body, "aria-rowcount", rows);
    setAttribute(body, "aria-colcount", columns);
    body.append(axis(columns, lines));
    for (let row = 0; row < rows; row++) {
      const inRow = Math.min(columns, amount - row * columns);
      const made = Array.from({ length: inRow }, () => el("div", { role: "gridcell", tabindex: "-1", class: "cell" }, el("span", { class: "cell-value" })));
      cells.push(...made);
      body.append(el("div", { role: "row", class: "heat-row" }, el("div", { role: "rowheader", class: "heat-head" }, headText(rowName(dimensions, row, columns), columns <= 16 || row % 4 === 0)), ...made));
    }
    setAttribute(cells[0], "tabindex", "0");
  }

  return {
    draw(grid, experts, measure, top, chosen) {
      chosenUid = chosen;
      const dimensions = usable(grid);
      body.hidden = dimensions === null || experts.length === 0;
      empty.hidden = !body.hidden;
      if (body.hidden) {
        return;
      }
      if (shape !== dimensions.join()) {
        shape = dimensions.join();
        build(dimensions);
      }
      setAttribute(body, "aria-label", `${measure.name} of the experts of ${cut(plain(grid.prefix), 64)}`);
      setAttribute(body, "data-bad", measure.bad ?? false);
      byPlace = new Map(experts.map((expert) => [placeOf(expert.cell, dimensions), expert]));
      cells.forEach((cell, i) => drawCell(cell, byPlace.get(i), measure, top, chosen));
    },
  };
}

function drawCell(cell, expert, measure, top, chosen) {
  if (!expert) {
    setAttribute(cell, "data-step", null);
    setAttribute(cell, "data-state", "none");
    setAttribute(cell, "data-chosen", null);
    setAttribute(cell, "aria-label", "no expert");
    setText(cell.firstChild, "");
    return;
  }
  const value = measure.of(expert);
  setAttribute(cell, "data-step", stepOf(value, top));
  setAttribute(cell, "data-state", expert.state);
  setAttribute(cell, "data-chosen", expert.uid === chosen);
  const uid = cut(plain(expert.uid), 48);
  const text = measure.format(value);
  setAttribute(cell, "aria-label", `${uid}, ${text}${expert.state === "online" ? "" : `, ${expert.state}`}`);
  setText(cell.firstChild, GLYPHS[expert.state] ?? text);
}

/** Names of the columns of a grid of two or more dimensions. */
function axis(columns, lines) {
  const every = columns <= 16 ? 1 : 4;
  const heads = Array.from({ length: columns }, (_, i) => el("div", { class: "heat-head", role: "columnheader" }, headText(String(i), i % every === 0)));
  return el("div", { role: "row", class: "heat-row heat-axis", hidden: !lines }, el("div", { class: "heat-head", role: "columnheader" }, headText("Row", false)), ...heads);
}

/** Where there is no room for each head, the others are there for screen readers. */
function headText(text, visible) {
  return el("span", { class: visible ? null : "visually-hidden" }, text);
}

function rowName(dimensions, row, columns) {
  if (dimensions.length === 1) {
    return String(row * columns);
  }
  const places = [];
  let rest = row;
  for (const size of dimensions.slice(0, -1).reverse()) {
    places.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return places.join(".");
}

function usable(grid) {
  const dimensions = list(grid?.dimensions);
  const sound = dimensions.length > 0 && dimensions.every((size) => Number.isInteger(size) && size > 0);
  const cells = dimensions.reduce((product, size) => product * size, 1);
  const drawable = cells <= MOST_CELLS && (dimensions.length === 1 || dimensions.at(-1) <= MOST_COLUMNS);
  return sound && drawable ? dimensions : null;
}

function placeOf(cell, dimensions) {
  return list(cell).reduce((at, coordinate, i) => at * (dimensions[i] ?? 1) + coordinate, 0);
}

function stepOf(value, top) {
  if (!known(value)) {
    return "unknown";
  }
  return value <= 0 || top <= 0 ? 0 : Math.min(STEPS, 1 + Math.floor((value / top) * STEPS));
}

/** 1, 2 or 5 times a power of ten, not below the value. */
function roundUp(value) {
  if (value <= 0) {
    return 0;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= value * 0.9999) ?? 10);
}

/** The key to the colours, from nothing to the top of the scale. */
function scaleBar(host) {
  const name = el("span", { class: "scale-name" });
  const from = el("span", {}, "0");
  const to = el("span");
  const steps = el("span", { class: "scale-steps", "aria-hidden": "true" }, ...Array.from({ length: STEPS + 1 }, (_, i) => el("span", { class: "cell", "data-step": i })));
  const marks = el("span", { class: "scale-marks" }, "… joining   ↓ draining   × gone");
  host.append(name, from, steps, to, marks);
  return (measure, { top, open }, shown) => {
    host.hidden = !shown;
    setText(name, measure.name);
    setText(to, measure.format(top) + (open ? " or more" : ""));
    setAttribute(steps, "data-bad", measure.bad ?? false);
  };
}

function expertColumns() {
  return [
    { head: "Expert", text: (expert) => expert.uid, order: (expert) => expert.uid, node: (expert) => el("a", { href: addressOf("experts", expert.uid) }, foreign(expert.uid, 40)) },
    { head: "State", text: (expert) => expert.state, order: (expert) => expert.state, node: (expert) => el("span", { class: "state", "data-state": expert.state }, expert.state) },
    { head: "Hosted by", text: (expert) => expert.ownerNames.join(", "), order: (expert) => expert.ownerNames[0], node: (expert) => foreign(expert.ownerNames.join(", "), 48) },
    { head: "Rows/s", number: true, text: (expert) => number(expert.rowsPerSecond), order: (expert) => expert.rowsPerSecond },
    { head: "Queue", number: true, text: (expert) => duration(expert.queueMillis), order: (expert) => expert.queueMillis },
    { head: "Compute", number: true, text: (expert) => duration(expert.computeMillis), order: (expert) => expert.computeMillis },
    { head: "Gate usage", number: true, text: (expert) => percent(expert.usage), order: (expert) => expert.usage },
    { head: "Failures", number: true, text: (expert) => count(expert.failures), order: (expert) => expert.failures },
    { head: "Refusals", number: true, text: (expert) => count(expert.rejections), order: (expert) => expert.rejections },
    { head: "Updates", number: true, text: (expert) => count(expert.updates), order: (expert) => expert.updates },
  ];
}

function drawDetail(host, expert, experts, names) {
  const key = expert ? JSON.stringify(expert) : String(together(experts));
  if (host.dataset.shown === key) {
    return;
  }
  host.dataset.shown = key;
  if (!expert) {
    replaceContent(host, el("h2", {}, "All together"), factList(together(experts)), el("p", { class: "hint" }, "Point at a cell, or choose one, to see more of it."));
    return;
  }
  const owners = list(expert.owners).slice(0, 4).map((id) => el("a", { href: addressOf("swarm", id) }, foreign(names.get(id) ?? String(id).slice(0, 8), 40)));
  replaceContent(host, el("h2", {}, foreign(expert.uid, 40)), factList([
    ["State", el("span", { class: "state", "data-state": expert.state }, expert.state)],
    ["Learns", expert.trainable === false ? "no, it only answers" : "yes"],
    ["Rows a second", number(expert.rowsPerSecond)],
    ["Gate usage", percent(expert.usage)],
    ["Time in the queue", duration(expert.queueMillis)],
    ["Time to compute", duration(expert.computeMillis)],
    ["Failed calls", `${count(expert.failures)}, ${number(expert.failuresPerSecond)}/s`],
    ["Refused calls", `${count(expert.rejections)}, ${number(expert.rejectionsPerSecond)}/s`],
    ["Updates learnt", count(expert.updates)],
    ["Hosted by", el("span", {}, ...owners.flatMap((owner, i) => (i === 0 ? [owner] : [", ", owner])))],
  ]));
}

/** What one wants to know when no expert is chosen. */
function together(experts) {
  const there = experts.filter((expert) => expert.state !== "gone");
  const most = (of) => there.filter((expert) => known(of(expert))).reduce((best, expert) => (best && of(best) >= of(expert) ? best : expert), null);
  const named = (expert, text) => (expert ? `${cut(plain(expert.uid), 24)}, ${text(expert)}` : "–");
  return [
    ["Online", `${count(there.filter((expert) => expert.state === "online").length)} of ${count(experts.length)}`],
    ["Rows a second", number(there.reduce((rows, expert) => rows + (expert.rowsPerSecond ?? 0), 0))],
    ["Busiest", named(most((expert) => expert.rowsPerSecond), (expert) => `${number(expert.rowsPerSecond)} rows/s`)],
    ["Longest queue", named(most((expert) => expert.queueMillis), (expert) => duration(expert.queueMillis))],
    ["Failed calls", count(there.reduce((calls, expert) => calls + (expert.failures ?? 0), 0))],
    ["Refused calls", count(there.reduce((calls, expert) => calls + (expert.rejections ?? 0), 0))],
  ];
}

function sum(a, b) {
  return known(a) || known(b) ? (a ?? 0) + (b ?? 0) : null;
}
