// The view of nodes: the map, what is known of the chosen one, and the table of all.

import { el, foreign, frames, replaceContent, svg } from "../dom.js";
import { ago, count, duration, known, number, percent, shortId } from "../format.js";
import { kindName, legendMark, nodeName, swarmMap } from "../map.js";
import { list } from "../model.js";
import { dataTable } from "../table.js";
import { addressOf, keepChoice } from "../tabs.js";

const MOST_UIDS = 12;

const LEGEND = [
  ["server", "online", "server, and how many experts it hosts"],
  ["dht", "online", "helps to find others"],
  ["trainer", "online", "trainer"],
  ["server", "joining", "joining"],
  ["server", "draining", "draining"],
  ["server", "unreachable", "unreachable"],
  ["server", "gone", "gone"],
];

/** Binds the view; `draw` it with the swarm and the server's time. */
export function swarmView() {
  const detail = document.getElementById("swarm-detail");
  let chosen = null;
  let pointed = null;
  let last = null;
  drawLegend(document.getElementById("swarm-legend"));

  const map = swarmMap(document.getElementById("swarm-map"), {
    onPoint(id, towards) {
      if (!towards || !detail.contains(towards)) {
        pointed = id;
        redraw();
      }
    },
    onChoose(id) {
      chosen = id;
      keepChoice("swarm", id);
      redraw();
    },
  });
  detail.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !detail.contains(event.relatedTarget)) {
      pointed = null;
      redraw();
    }
  });
  const table = dataTable(document.getElementById("swarm-table"), {
    label: "All nodes",
    keyOf: (node) => node.id,
    empty: "No nodes yet.",
    isChosen: (node) => node.id === chosen,
    columns: nodeColumns(),
  });

  const redraw = frames(() => last && draw(last.swarm, last.now));

  function draw(swarm, now) {
    last = { swarm, now };
    map.draw(swarm, chosen);
    table.update(swarm.nodes.map((node) => ({ ...node, now })));
    drawDetail(detail, swarm, now, pointed ?? chosen, chosen);
  }

  return {
    draw,
    choose(id) {
      chosen = id;
    },
  };
}

function drawLegend(host) {
  for (const [kind, state, words] of LEGEND) {
    host.append(el("li", {}, legendMark(kind, state), words));
  }
  host.append(el("li", {}, swatch("M-10 0A10 10 0 0 1 10 0", "node-load"), "arc around it: load"));
  host.append(el("li", {}, swatch("M-12 0H12", "link link-calls-2"), "calls"));
  host.append(el("li", {}, swatch("M-12 0H12", "link link-knows"), "knows of"));
  host.append(el("li", {}, swatch("M-12 0H12", "link link-reports"), "reports to"));
}

function swatch(d, name) {
  return svg("svg", { class: "legend-mark", viewBox: "-12 -12 24 24", "aria-hidden": "true" }, svg("path", { d, class: name }));
}

function nodeColumns() {
  return [
    { head: "Node", text: nodeName, order: nodeName, node: (node) => el("a", { href: addressOf("swarm", node.id) }, foreign(nodeName(node), 40)) },
    { head: "Id", text: (node) => shortId(node.id), order: (node) => node.id, node: (node) => el("code", { title: node.id }, shortId(node.id)) },
    { head: "What", text: (node) => kindName(node.kind), order: (node) => node.kind },
    { head: "State", text: (node) => node.state, order: (node) => node.state, node: (node) => el("span", { class: "state", "data-state": node.state }, node.state) },
    { head: "Experts", number: true, text: (node) => count(node.experts), order: (node) => node.experts },
    { head: "Load", number: true, text: (node) => percent(node.load), order: (node) => node.load },
    { head: "Round trip", number: true, text: (node) => duration(node.roundTripMillis), order: (node) => node.roundTripMillis },
    { head: "Rows/s", number: true, text: (node) => number(node.rowsPerSecond), order: (node) => node.rowsPerSecond },
    { head: "Failures/s", number: true, text: (node) => number(node.failuresPerSecond), order: (node) => node.failuresPerSecond },
    { head: "Seen", number: true, text: (node) => ago(node.lastSeen, node.now), order: (node) => node.lastSeen },
  ];
}

function drawDetail(host, swarm, now, id, chosen) {
  const node = swarm.nodes.find((candidate) => candidate.id === id);
  const missing = chosen !== null && swarm.known ? "This node is not in the swarm any more." : "Point at a mark, or choose one, to see more of it.";
  const key = node ? JSON.stringify(node) + Math.floor(now / 1000) : missing + together(swarm.nodes);
  if (host.dataset.shown === key) {
    return;
  }
  host.dataset.shown = key;
  if (!node) {
    replaceContent(host, el("h2", {}, "All together"), factList(together(swarm.nodes)), el("p", { class: "hint" }, missing));
    return;
  }
  const uids = expertsOf(swarm, node.id);
  const facts = [
    ["State", el("span", { class: "state", "data-state": node.state }, node.state)],
    ["What", kindName(node.kind)],
    ["Load", percent(node.load)],
    ["Round trip", duration(node.roundTripMillis)],
    ["Rows a second", number(node.rowsPerSecond)],
    ["Failures a second", number(node.failuresPerSecond)],
    ["Knows", known(node.knows) ? `${count(node.knows)} nodes` : "–"],
    ["Events", { live: "arriving", connecting: "connecting", none: "none" }[node.events] ?? "–"],
    ["First seen", ago(node.firstSeen, now)],
    ["Last seen", ago(node.lastSeen, now)],
    ["Addresses", joined(list(node.addresses).slice(0, 4).map((address) => foreign(address, 48)))],
    ["Id", el("code", { class: "long-id" }, String(node.id))],
    ["Experts", uids.length > 0 ? joined(uids.slice(0, MOST_UIDS).map((uid) => el("a", { href: addressOf("experts", uid) }, foreign(uid, 32)))) : count(node.experts)],
  ];
  if (uids.length > MOST_UIDS) {
    facts.at(-1)[1].append(` and ${uids.length - MOST_UIDS} more`);
  }
  replaceContent(host, el("h2", {}, foreign(nodeName(node), 40)), factList(facts));
}

/** What one wants to know when no node is chosen. */
function together(nodes) {
  const of = (kind) => nodes.filter((node) => node.kind === kind && node.state !== "gone" && node.state !== "unreachable");
  const servers = of("server");
  const loads = servers.map((node) => node.load).filter(known);
  const trips = nodes.map((node) => node.roundTripMillis).filter(known);
  return [
    ["Servers", count(servers.length)],
    ["DHT only", count(of("dht").length)],
    ["Trainers", count(of("trainer").length)],
    ["Lost", count(nodes.filter((node) => node.state === "gone" || node.state === "unreachable").length)],
    ["Highest load", loads.length > 0 ? percent(Math.max(...loads)) : "–"],
    ["Longest trip", trips.length > 0 ? duration(Math.max(...trips)) : "–"],
  ];
}

/** Pairs of a name and a value. */
export function factList(facts) {
  return el("dl", { class: "facts" }, ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function joined(nodes) {
  return el("span", {}, ...nodes.flatMap((node, i) => (i === 0 ? [node] : [", ", node])));
}

function expertsOf(swarm, id) {
  return swarm.grids.flatMap((grid) => list(grid.experts)).filter((expert) => list(expert.owners).includes(id)).map((expert) => expert.uid);
}
