// The view of charts: the work of the whole swarm over the last minutes. It can be held still.

import { segments, setAttribute, setText } from "../dom.js";
import { byteRate, clock, duration, number } from "../format.js";
import { chartColumn } from "../model.js";
import { plotCard } from "../plot.js";

const CHARTS = [
  { title: "Rows a second", caption: "Rows of data that experts computed, forward and backward.", format: number, lines: [["rows", "rows", "--series-1", 0, "--series-1-fill"]] },
  { title: "Batch size", caption: "Rows that an expert computes at once. Bigger batches use a machine better.", format: number, lines: [["batchSize", "rows a batch", "--series-2", 0, "--series-2-fill"]] },
  { title: "Time in the queue", caption: "How long calls wait for their turn. Of 100 calls, 95 wait less than p95.", format: duration, lines: percentiles("queue", "--series-1") },
  { title: "Time to compute", caption: "How long experts take for a batch.", format: duration, lines: percentiles("compute", "--series-2") },
  { title: "Refused and failed calls", caption: "Refused: a server was too busy. Failed: it broke or went away. Trainers go on without them.", format: number, lines: [["rejections", "refused/s", "--series-2", 1], ["failures", "failed/s", "--bad", 0], ["calls", "calls/s", "--series-5", 2]] },
  { title: "On the wire", caption: "Bytes that were sent, beside those it would have been without compression.", format: byteRate, lines: [["bytes", "sent", "--series-1", 0, "--series-1-fill"], ["plainBytes", "without compression", "--series-5", 1]] },
];

function percentiles(what, stroke) {
  return [["P50", 0], ["P95", 1], ["P99", 2]].map(([rank, dash]) => [`${what}${rank}Millis`, rank.toLowerCase(), stroke, dash]);
}

/** Binds the view; `draw` it with the swarm. */
export function chartsView() {
  const host = document.getElementById("charts-grid");
  const pause = document.getElementById("charts-pause");
  const note = document.getElementById("charts-note");
  let minutes = 1;
  let held = null;
  let last = null;
  let drawn = null;

  const cards = CHARTS.map(({ title, caption, format, lines }) => {
    const series = lines.map(([name, label, stroke, dash, fill]) => ({ name, label, stroke, dash, fill }));
    const card = plotCard({ title, caption, series, format, formatX: (seconds) => clock(seconds * 1000), nameX: "Time", sync: "charts", isTime: true });
    host.append(card.element);
    return { card, series };
  });
  segments(document.getElementById("charts-range"), "range", [["1", "minute"], ["5", "5 minutes"]], "1", (value) => {
    minutes = Number(value);
    redraw();
  });
  pause.addEventListener("click", () => {
    held = held === null && last ? last.charts : null;
    setAttribute(pause, "aria-pressed", String(held !== null));
    setText(pause, held ? "Go on" : "Pause");
    redraw();
  });

  function redraw() {
    drawn = null;
    if (last) {
      draw(last);
    }
  }

  function draw(swarm) {
    last = swarm;
    const charts = held ?? swarm.charts;
    const end = charts.points.at(-1)?.[0] ?? swarm.now;
    setText(note, held ? `Held still at ${clock(end)}.` : "");
    if (drawn === charts) {
      return;
    }
    drawn = charts;
    const start = end - minutes * 60_000;
    const points = charts.points.filter((point) => point[0] >= start);
    const times = points.map((point) => point[0] / 1000);
    for (const { card, series } of cards) {
      card.update([times, ...series.map(({ name }) => chartColumn(charts, points, name))], [start / 1000, end / 1000]);
    }
  }

  return { draw };
}
