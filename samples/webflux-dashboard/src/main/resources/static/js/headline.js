// The row that tells what is going on: a sentence, a second one on who is there, and six figures.

import { cut, el, foreign, plain, setText, svg } from "./dom.js";
import { ago, byteRate, count, duration, known, loss, number, percent, plural } from "./format.js";
import { chartColumn, hosted, latest, present } from "./model.js";

const SPARK_POINTS = 60;

/** Binds the headline; returns what draws it. */
export function headline() {
  const sentence = document.getElementById("headline");
  const second = document.getElementById("subline");
  const figures = figureList(document.getElementById("figures"));
  let said = "";

  return (swarm, now) => {
    const first = firstSentence(swarm);
    const key = first.map((part) => (part.nodeType ? `<${part.textContent}>` : part)).join("");
    if (key !== said) {
      said = key;
      sentence.replaceChildren(...first);
    }
    setText(second, secondSentence(swarm, now));
    figures(swarm);
  };
}

function firstSentence(swarm) {
  const run = mainRun(swarm.runs);
  if (run) {
    const others = swarm.runs.filter((other) => other.state === "running").length - 1;
    const figures = [`loss\u00a0${loss(run.loss)}`];
    if (known(run.accuracy)) {
      figures.push(`accuracy\u00a0${percent(run.accuracy)}`);
    }
    if (known(run.samplesPerSecond)) {
      figures.push(`${number(run.samplesPerSecond)}\u00a0samples/s`);
    }
    const verb = run.state === "running" ? "Training " : "Trained ";
    return [verb, foreign(run.run, 40), ` — ${figures.join(", ")}`, others > 0 ? `, and ${plural(others, "more run")}` : ""];
  }
  if (!swarm.known) {
    return ["Looking for the swarm…"];
  }
  if (swarm.connection.state !== "joined" && swarm.nodes.length === 0) {
    return swarm.connection.peer ? ["Looking for the swarm at ", foreign(swarm.connection.peer), "…"] : ["Looking for the swarm…"];
  }
  if (present(swarm.nodes).length === 0) {
    return ["Nobody is here yet"];
  }
  return [hosted(swarm.grids).length > 0 ? "Ready: experts wait for somebody to train" : "Nodes are here, but no experts yet"];
}

/** The run that was heard of last, running ones first. */
export function mainRun(runs) {
  const running = runs.filter((run) => run.state === "running");
  const candidates = running.length > 0 ? running : runs;
  return candidates.reduce((best, run) => (best && best.lastSeen >= run.lastSeen ? best : run), null);
}

function secondSentence(swarm, now) {
  if (!swarm.known) {
    return "The first figures arrive within a few seconds.";
  }
  const servers = swarm.nodes.filter((node) => node.kind === "server" && present([node]).length > 0).length;
  const experts = hosted(swarm.grids).length;
  const parts = [];
  if (swarm.nodes.length === 0 && swarm.connection.state !== "joined") {
    return "Is a node running there, and can its port be reached? The dashboard goes on trying.";
  }
  if (present(swarm.nodes).length === 0) {
    return "Start a node with ./hivemind server, or a whole swarm with ./hivemind demo.";
  }
  parts.push(experts > 0 ? `${plural(servers, "node")} ${servers === 1 ? "hosts" : "host"} ${plural(experts, "expert")}` : plural(present(swarm.nodes).length, "node"));
  const lost = swarm.nodes.filter((node) => node.state === "gone" || node.state === "unreachable");
  if (lost.length > 0) {
    const last = Math.max(...lost.map((node) => node.lastSeen ?? 0));
    const when = lost.length === 1 ? "last seen" : "the latest seen";
    parts.push(`${plural(lost.length, "node")} ${lost.length === 1 ? "was" : "were"} lost, ${when} ${ago(last, now)}`);
  }
  const failures = latest(swarm.charts, "failures");
  parts.push(failures > 0 ? `${number(failures)} ${failures === 1 ? "call fails" : "calls fail"} a second` : quiet(swarm));
  return `${parts.join("; ")}.`;
}

function quiet(swarm) {
  const failed = chartColumn(swarm.charts, swarm.charts.points.slice(-SPARK_POINTS), "failures").some((value) => value > 0);
  return failed ? "no call fails now, but some did within the last minute" : "no call fails";
}

function figureList(host) {
  const all = [
    noted(host, "Nodes", (swarm) => count(present(swarm.nodes).length), nodeKinds),
    noted(host, "Experts", (swarm) => count(hosted(swarm.grids).length), gridNames),
    figure(host, "Rows/s", (swarm) => number(latest(swarm.charts, "rows")), (swarm) => spark(swarm, "rows")),
    figure(host, "Queue, p95", (swarm) => duration(latest(swarm.charts, "queueP95Millis")), (swarm) => spark(swarm, "queueP95Millis")),
    figure(host, "Failures/s", (swarm) => number(latest(swarm.charts, "failures")), (swarm) => spark(swarm, "failures")),
    figure(host, "On the wire", (swarm) => byteRate(latest(swarm.charts, "bytes")), (swarm) => spark(swarm, "bytes")),
  ];
  return (swarm) => all.forEach((draw) => draw(swarm));
}

/** A figure with a few words below. */
function noted(host, name, value, note) {
  const number = el("span", {}, "–");
  const words = el("span", { class: "figure-note" });
  host.append(el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, number, words)));
  return (swarm) => {
    setText(number, value(swarm));
    setText(words, note(swarm));
  };
}

function nodeKinds(swarm) {
  const nodes = present(swarm.nodes);
  const amount = (kind) => nodes.filter((node) => node.kind === kind).length;
  const kinds = [[amount("server"), "server"], [amount("trainer"), "trainer"]];
  return kinds.filter(([many]) => many > 0).map(([many, kind]) => plural(many, kind)).join(", ");
}

function gridNames(swarm) {
  const names = swarm.grids.slice(0, 3).map((grid) => cut(plain(grid.prefix), 12));
  return names.length > 0 ? `in ${names.join(", ")}${swarm.grids.length > 3 ? ", …" : ""}` : "";
}

/** A figure with its last minute below. */
function figure(host, name, value, history) {
  const number = el("span", {}, "–");
  const line = svg("path", { class: "spark-line", "vector-effect": "non-scaling-stroke" });
  const picture = svg("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" }, line);
  host.append(el("div", { class: "figure" }, el("dt", {}, name), el("dd", {}, number, picture)));
  return (swarm) => {
    setText(number, value(swarm));
    line.setAttribute("d", sparkPath(history(swarm)));
  };
}

function spark(swarm, name) {
  return chartColumn(swarm.charts, swarm.charts.points.slice(-SPARK_POINTS), name);
}

function sparkPath(values) {
  if (values.length < 2) {
    return "";
  }
  const high = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE);
  const step = 100 / (SPARK_POINTS - 1);
  const start = 100 - (values.length - 1) * step;
  return values.map((value, i) => `${i === 0 ? "M" : "L"}${(start + i * step).toFixed(1)} ${(22.5 - (21 * (value ?? 0)) / high).toFixed(1)}`).join("");
}
