// A card with a line chart, the figures under the pointer, and the same as a table.

import { colour, onThemeChange } from "./colours.js";
import { el, remPixels, setAttribute, setText } from "./dom.js";
import { dataTable } from "./table.js";

const DASHES = [[], [8, 4], [2, 4]];

/**
 * A chart card. A series has `label`, `stroke` (a custom property), and `dash` (0 to 2); `format` writes a value, `formatX`
 * what stands at the bottom axis, `formatXTable` the first column of the table, whose head is `nameX`. `sync` joins
 * the pointers of all charts of that name.
 */
export function plotCard({ title, caption, series, format, formatX, formatXTable = formatX, nameX, sync, rangeY, isTime = false }) {
  const readout = el("ul", { class: "readout" });
  const canvasHost = el("div", { class: "plot", role: "img" });
  const tableHost = el("div", { class: "plot-table", hidden: true });
  const toggle = el("button", { class: "button small", type: "button", "aria-pressed": "false", "aria-label": `Table: ${title}` }, "Table");
  const empty = el("p", { class: "empty", hidden: true }, "No figures yet.");
  const element = el("section", { class: "card chart" },
    el("header", { class: "chart-head" }, el("h2", {}, title), toggle),
    el("p", { class: "chart-caption" }, caption), readout, empty, canvasHost, tableHost);

  let plot = null;
  let table = null;
  let lines = series;
  let data = [[], ...series.map(() => [])];
  let bounds = null;

  toggle.addEventListener("click", () => {
    const asTable = tableHost.hidden;
    setAttribute(toggle, "aria-pressed", String(asTable));
    tableHost.hidden = !asTable;
    canvasHost.hidden = asTable;
    drawTable();
    resize();
  });

  function options() {
    const rem = remPixels();
    const font = `${Math.round(0.75 * rem)}px system-ui, sans-serif`;
    const axis = { stroke: () => colour("--ink-3"), font, ticks: { show: false }, grid: { stroke: () => colour("--line"), width: 1 } };
    return {
      width: Math.max(120, canvasHost.clientWidth),
      height: canvasHost.clientHeight,
      padding: [8, 1.25 * rem, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, range: (_, low, high) => bounds ?? [low, high > low ? high : low + 1] }, y: { range: rangeY ?? fromZero } },
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false }, sync: sync ? { key: sync } : undefined },
      hooks: { setCursor: [drawReadout] },
      axes: [
        { ...axis, grid: { show: false }, size: 1.75 * rem, space: 4.5 * rem, incrs: isTime ? [5, 10, 15, 30, 60, 120] : undefined, values: (_, ticks) => ticks.map(formatX) },
        { ...axis, size: 3.6 * rem, space: 2.2 * rem, gap: 4, values: (_, ticks) => ticks.map(format) },
      ],
      series: [{}, ...lines.map((line) => ({
        label: line.label,
        stroke: () => colour(line.stroke),
        fill: line.fill ? () => colour(line.fill) : undefined,
        width: remPixels() / 8,
        dash: DASHES[line.dash ?? 0],
        points: { show: false },
        spanGaps: true,
      }))],
    };
  }

  function build() {
    plot?.destroy();
    plot = globalThis.uPlot ? new globalThis.uPlot(options(), data, canvasHost) : null;
  }

  function resize() {
    if (!canvasHost.hidden && canvasHost.clientWidth > 0) {
      build();
      plot?.setData(data);
    }
  }

  function drawReadout() {
    const at = plot?.cursor?.idx ?? null;
    lines.forEach((line, i) => {
      const value = at === null ? data[i + 1].findLast((each) => each !== null) : data[i + 1][at];
      setText(readout.children[i].lastChild, format(value ?? null));
    });
  }

  function drawLabels() {
    readout.replaceChildren(...lines.map((line) => el("li", {},
      keyLine(line), el("span", { class: "readout-label" }, el("bdi", {}, line.label)), el("span", { class: "readout-value" }, "–"))));
    const columns = lines.map((line, i) => ({ head: line.label, number: true, text: (row) => format(row.values[i]) }));
    tableHost.replaceChildren();
    table = dataTable(tableHost, { label: title, keyOf: (row) => row.x, empty: "No figures yet.", columns: [{ head: nameX, text: (row) => formatXTable(row.x) }, ...columns] });
  }

  function drawTable() {
    if (!tableHost.hidden) {
      table.update(data[0].map((x, row) => ({ x, values: data.slice(1).map((values) => values[row]) })).reverse());
    }
  }

  function describe() {
    const words = lines.map((line, i) => `${line.label} ${format(data[i + 1].findLast((each) => each !== null) ?? null)}`).join(", ");
    setAttribute(canvasHost, "aria-label", data[0].length === 0 ? `${title}: no figures yet` : `${title}, latest: ${words}. The button Table shows all.`);
  }

  drawLabels();
  new ResizeObserver(resize).observe(canvasHost);
  onThemeChange(() => plot?.redraw(false));

  return {
    element,
    /** Columns of numbers or null, the first being x; bounds of x, or null for all of it. */
    update(fresh, newBounds = null) {
      data = fresh;
      bounds = newBounds;
      const nothing = data[0].length === 0;
      empty.hidden = !nothing;
      if (!plot && canvasHost.clientWidth > 0) {
        build();
      }
      if (!canvasHost.hidden) {
        plot?.setData(data);
      }
      drawReadout();
      drawTable();
      describe();
    },
    /** Other lines from now on; follow with `update`. */
    setSeries(fresh) {
      lines = fresh;
      data = [[], ...fresh.map(() => [])];
      plot?.destroy();
      plot = null;
      drawLabels();
    },
  };
}

/** A short piece of the line, so that the list of figures is the key to the chart. */
function keyLine(line) {
  const dash = (DASHES[line.dash ?? 0] ?? []).map((length) => length / 2).join(" ");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "key-line");
  svg.setAttribute("viewBox", "0 0 20 4");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M0 2H20");
  path.setAttribute("stroke-dasharray", dash || "none");
  path.style.stroke = `var(${line.stroke})`;
  svg.append(path);
  return svg;
}

function fromZero(_, low, high) {
  return [Math.min(0, low ?? 0), high > 0 ? high * 1.15 : 1];
}
