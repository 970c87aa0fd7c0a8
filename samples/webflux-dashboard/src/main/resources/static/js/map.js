// The map of the swarm: one mark per node, links as curves through the middle. Nodes move when others come or go.

import { cut, el, plain, prefersStillness, remPixels, setAttribute, setText, svg } from "./dom.js";
import { duration, known, percent, plural, shortId } from "./format.js";
import { placeNodes } from "./layout.js";

const MOST_LINKS = 4_000;
const MANY_CALLS = 60;
const MOST_LABELS = 24;
const MOST_MARKED_LABELS = 8;
const GLYPHS = { joining: "…", draining: "↓", unreachable: "!", gone: "×" };

/** A node's name for people: its first address, or the start of its id. */
export function nodeName(node) {
  const address = Array.isArray(node.addresses) ? node.addresses[0] : null;
  return address ? plain(address) : shortId(node.id);
}

/** A map in a host element; `onPoint(id or null, where the focus goes)` for what the pointer or the focus is at, `onChoose(id or null)`. */
export function swarmMap(host, { onPoint, onChoose }) {
  const lines = Object.fromEntries(["knows", "reports", "calls-1", "calls-2", "calls-3", "chosen"].map((name) => [name, svg("path", { class: `link link-${name}` })]));
  const marks = svg("g");
  const labels = svg("g", { class: "node-labels", "aria-hidden": "true" });
  const picture = svg("svg", { role: "group", "aria-label": "Map of the swarm. Arrow keys go from node to node." }, svg("g", { "aria-hidden": "true" }, ...Object.values(lines)), marks, labels);
  const empty = el("div", { class: "empty map-empty", hidden: true });
  host.append(picture, empty);

  const kept = new Map();
  let layout = { places: new Map(), radius: 0, centre: { x: 0, y: 0 } };
  let layoutKey = "";
  let links = [];
  let chosen = null;
  let moving = false;
  let rem = 16;

  host.addEventListener("pointerover", (event) => onPoint(idAt(event)));
  host.addEventListener("pointerout", () => onPoint(null));
  host.addEventListener("focusin", (event) => {
    setReachable(idAt(event));
    onPoint(idAt(event));
  });
  host.addEventListener("focusout", (event) => onPoint(null, event.relatedTarget));
  host.addEventListener("click", (event) => toggle(idAt(event)));
  host.addEventListener("keydown", keyed);

  function idAt(event) {
    return event.target.closest("[data-id]")?.dataset.id ?? null;
  }

  function toggle(id) {
    if (id !== null) {
      onChoose(id === chosen ? null : id);
    }
  }

  function keyed(event) {
    const order = [...kept.keys()].sort();
    const at = order.indexOf(idAt(event));
    const next = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: order.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle(idAt(event));
    } else if (event.key === "Escape") {
      onChoose(null);
    } else if (next !== undefined) {
      event.preventDefault();
      kept.get(order[(next + order.length) % order.length]).element.focus();
    }
  }

  /** One node at a time can be reached by Tab. */
  function setReachable(id) {
    for (const [other, mark] of kept) {
      setAttribute(mark.element, "tabindex", other === id ? "0" : "-1");
    }
  }

  function newMark(node) {
    const parts = {
      hit: svg("circle", { class: "node-hit" }),
      track: svg("circle", { class: "node-track" }),
      load: svg("circle", { class: "node-load", pathLength: "100", transform: "rotate(-90)" }),
      shape: svg("path", { class: "node-shape" }),
      glyph: svg("text", { class: "node-glyph", "text-anchor": "middle", dy: "0.35em" }),
      name: svg("text", { class: "node-name" }),
      more: svg("text", { class: "node-more" }),
    };
    const { glyph, name, more, ...drawn } = parts;
    const element = svg("g", { class: "node", role: "button", tabindex: "-1", "data-id": node.id }, ...Object.values(drawn));
    const label = svg("g", {}, glyph, name, more);
    const mark = { element, label, parts, x: null, y: null };
    marks.append(element);
    labels.append(label);
    kept.set(node.id, mark);
    return mark;
  }

  function drawMark(mark, node, spot, size, labelled) {
    const { element, label, parts } = mark;
    setAttribute(element, "data-state", node.state);
    setAttribute(label, "data-state", node.state);
    setAttribute(element, "data-kind", node.kind);
    setAttribute(element, "data-chosen", node.id === chosen);
    setAttribute(element, "aria-pressed", String(node.id === chosen));
    setAttribute(element, "aria-label", spoken(node));
    const r = node.kind === "dht" ? size * 0.62 : size;
    setAttribute(parts.hit, "r", Math.max(12, r * 1.3).toFixed(1));
    setAttribute(parts.track, "r", r.toFixed(1));
    setAttribute(parts.load, "r", r.toFixed(1));
    setAttribute(parts.load, "stroke-dasharray", `${Math.round(100 * Math.min(1, Math.max(0, known(node.load) ? node.load : 0)))} 200`);
    setAttribute(parts.shape, "d", shape(node.kind, r * 0.74));
    const glyph = GLYPHS[node.state] ?? (node.kind === "server" && known(node.experts) ? String(node.experts) : "");
    setText(parts.glyph, size < 10 && !GLYPHS[node.state] ? "" : glyph);
    setAttribute(parts.glyph, "font-size", Math.max(9, r * 0.62).toFixed(1));
    drawLabel(mark, node, spot, r, labelled);
  }

  function drawLabel(mark, node, spot, r, labelled) {
    const { parts } = mark;
    const anchor = { start: "start", end: "end" }[spot.outward] ?? "middle";
    const side = { start: 1, end: -1 }[spot.outward] ?? 0;
    const below = spot.outward === "below" ? r + 1.2 * rem : spot.outward === "above" ? -r - 1.55 * rem : -0.15 * rem;
    setText(parts.name, labelled ? fitting(mark, nodeName(node)) : "");
    setText(parts.more, labelled && (node.state !== "online" || host.clientWidth >= 38 * rem) ? facts(node) : "");
    for (const [line, offset] of [[parts.name, below], [parts.more, below + 1.05 * rem]]) {
      setAttribute(line, "text-anchor", anchor);
      setAttribute(line, "x", (side * (r + 0.55 * rem)).toFixed(1));
      setAttribute(line, "y", offset.toFixed(1));
    }
  }

  /** As much of a name as has room. The end of an address tells it from its neighbours. */
  function fitting(mark, name) {
    const narrow = host.clientWidth < 38 * rem;
    const key = `${name} ${narrow} ${rem}`;
    if (mark.fittedKey !== key) {
      mark.fittedKey = key;
      mark.fitted = narrow && name.length > 10 ? `…${name.slice(-8).replace(/^\./u, "")}` : cut(name, 24);
      mark.parts.name.textContent = mark.fitted;
      const room = (narrow ? 6 : 9.5) * rem;
      const needed = mark.parts.name.getComputedTextLength();
      if (needed > room) {
        mark.fitted = cut(mark.fitted, Math.max(3, Math.floor((mark.fitted.length * room) / needed)));
      }
    }
    return mark.fitted;
  }

  function moveTo(mark, x, y) {
    mark.x = x;
    mark.y = y;
    for (const part of [mark.element, mark.label]) {
      setAttribute(part, "transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    }
  }

  /** Goes a part of the way each frame, until everybody is there. */
  function move() {
    let far = false;
    const still = prefersStillness();
    for (const [id, mark] of kept) {
      const spot = layout.places.get(id);
      if (!spot || mark.x === null) {
        continue;
      }
      const dx = spot.x - mark.x;
      const dy = spot.y - mark.y;
      if (Math.abs(dx) + Math.abs(dy) < 0.6 || still) {
        moveTo(mark, spot.x, spot.y);
      } else {
        far = true;
        moveTo(mark, mark.x + dx * 0.2, mark.y + dy * 0.2);
      }
    }
    drawLinks();
    moving = far;
    if (far) {
      requestAnimationFrame(move);
    }
  }

  function drawLinks() {
    const paths = { knows: [], reports: [], "calls-1": [], "calls-2": [], "calls-3": [], chosen: [] };
    const most = Math.max(1e-9, ...links.map((link) => (link.kind === "calls" ? link.perSecond ?? 0 : 0)));
    for (const link of links.slice(0, MOST_LINKS)) {
      const from = kept.get(link.from);
      const to = kept.get(link.to);
      if (from && to && from !== to && from.x !== null && to.x !== null) {
        const kind = link.kind === "calls" ? `calls-${1 + Math.min(2, Math.floor((3 * (link.perSecond ?? 0)) / most))}` : link.kind;
        (paths[kind] ?? paths.knows).push(curve(from, to, layout.centre));
        if (link.from === chosen || link.to === chosen) {
          paths.chosen.push(curve(from, to, layout.centre));
        }
      }
    }
    for (const [name, line] of Object.entries(lines)) {
      setAttribute(line, "d", paths[name].join(""));
    }
    setAttribute(picture, "data-dense", links.filter((link) => link.kind === "calls").length > MANY_CALLS);
    setAttribute(picture, "data-chosen", chosen !== null && kept.has(chosen));
  }

  function relayout(nodes, labelled) {
    const width = host.clientWidth;
    const height = host.clientHeight;
    const key = `${width} ${height} ${rem} ${labelled} ${nodes.map((node) => node.id + node.kind).join()}`;
    if (key === layoutKey || width === 0) {
      return;
    }
    const resized = !layoutKey.startsWith(`${width} ${height} `);
    layoutKey = key;
    layout = placeNodes(nodes, width, height, rem, labelled);
    setAttribute(picture, "viewBox", `0 0 ${width} ${height}`);
    for (const [id, spot] of layout.places) {
      const mark = kept.get(id);
      if (mark && (resized || mark.x === null)) {
        moveTo(mark, spot.x, spot.y);
      }
    }
    if (!moving) {
      moving = true;
      requestAnimationFrame(move);
    }
  }

  new ResizeObserver(() => redraw()).observe(host);
  let redraw = () => {};

  return {
    draw(swarm, choice) {
      redraw = () => this.draw(swarm, chosen);
      rem = remPixels();
      chosen = choice;
      links = swarm.links;
      const { nodes } = swarm;
      const ids = new Set(nodes.map((node) => node.id));
      for (const [id, mark] of kept) {
        if (!ids.has(id)) {
          mark.element.remove();
          mark.label.remove();
          kept.delete(id);
        }
      }
      nodes.forEach((node) => kept.has(node.id) || newMark(node));
      const labelled = nodes.length <= MOST_LABELS;
      relayout(nodes, labelled);
      let marked = 0;
      for (const node of nodes) {
        const spot = layout.places.get(node.id);
        const troubled = !labelled && node.state !== "online" && marked++ < MOST_MARKED_LABELS;
        if (spot) {
          drawMark(kept.get(node.id), node, spot, layout.radius, labelled || troubled || node.id === chosen);
        }
      }
      if (nodes.length > 0 && !marks.querySelector('[tabindex="0"]')) {
        setReachable([...kept.keys()].sort()[0]);
      }
      drawLinks();
      setAttribute(picture, "hidden", nodes.length === 0 ? "" : null);
      empty.hidden = nodes.length > 0;
      setText(empty, !swarm.known ? "Waiting for the first figures…" : swarm.connection.state !== "joined" ? "The dashboard has not reached the swarm. As soon as it does, its nodes stand here." : "No nodes yet. Start one with ./hivemind server and tell it this swarm's address with --initial-peers, or start a whole swarm with ./hivemind demo.");
    },
  };
}

function spoken(node) {
  const words = [nodeName(node), kindName(node.kind), node.state];
  if (known(node.load)) {
    words.push(`load ${percent(node.load)}`);
  }
  if (known(node.roundTripMillis)) {
    words.push(`round trip ${duration(node.roundTripMillis)}`);
  }
  if (node.kind === "server" && known(node.experts)) {
    words.push(plural(node.experts, "expert"));
  }
  return words.join(", ");
}

/** What a node is, in words. */
export function kindName(kind) {
  return { server: "server", dht: "DHT only", trainer: "trainer" }[kind] ?? plain(kind);
}

function facts(node) {
  if (node.state !== "online") {
    return node.state;
  }
  const words = [];
  if (known(node.load)) {
    words.push(percent(node.load));
  }
  if (known(node.roundTripMillis)) {
    words.push(duration(node.roundTripMillis));
  }
  return words.length > 0 ? words.join(" · ") : kindName(node.kind);
}

function shape(kind, r) {
  if (kind === "server") {
    return polygon(6, r * 1.08);
  }
  return kind === "trainer" ? polygon(4, r * 1.1) : `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
}

function polygon(corners, r) {
  const points = Array.from({ length: corners }, (_, i) => {
    const angle = (i / corners) * 2 * Math.PI - Math.PI / 2;
    return `${(r * Math.cos(angle)).toFixed(1)} ${(r * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${points.join("L")}Z`;
}

/** From one node to another, bent towards the middle. */
function curve(from, to, centre) {
  const pull = 0.55;
  const x = ((from.x + to.x) / 2) * (1 - pull) + centre.x * pull;
  const y = ((from.y + to.y) / 2) * (1 - pull) + centre.y * pull;
  return `M${from.x.toFixed(1)} ${from.y.toFixed(1)}Q${x.toFixed(1)} ${y.toFixed(1)} ${to.x.toFixed(1)} ${to.y.toFixed(1)}`;
}

/** A small picture of a mark, for the legend. */
export function legendMark(kind, state) {
  const r = kind === "dht" ? 5.5 : 8;
  return svg("svg", { class: "legend-mark", viewBox: "-12 -12 24 24", "aria-hidden": "true" },
    svg("g", { class: "node", "data-kind": kind, "data-state": state },
      svg("path", { class: "node-shape", d: shape(kind, r) }),
      svg("text", { class: "node-glyph", "text-anchor": "middle", dy: "0.35em", "font-size": "10" }, GLYPHS[state] ?? (kind === "server" ? "4" : ""))));
}
