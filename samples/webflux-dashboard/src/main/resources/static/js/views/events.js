// The view of events: the newest first, with filters. A screen reader hears of new ones every few seconds at most.

import { el, foreign, plain, segments, setAttribute, setText } from "../dom.js";
import { clock, isoTime, plural } from "../format.js";
import { nodeName } from "../map.js";
import { addressOf } from "../tabs.js";

const KINDS = { join: "Joins", leave: "Leaves", failure: "Failures", rejection: "Refusals", training: "Training", note: "Notes" };
const RANKS = { info: 0, warning: 1, error: 2 };
const MARKS = { info: "i", warning: "!", error: "×" };
const SPEECH_MILLIS = 8_000;

/** Binds the view; `draw` it with the swarm. */
export function eventsView() {
  const host = document.getElementById("events-list");
  const empty = document.getElementById("events-empty");
  const live = document.getElementById("events-live");
  const pause = document.getElementById("events-pause");
  const filter = { severity: "info", kinds: new Set(Object.keys(KINDS)), text: "" };
  const lines = new Map();
  let held = null;
  let last = null;
  let drawn = null;
  let spokenSeq = null;
  let spokenAt = 0;
  bindFilters();

  function bindFilters() {
    segments(document.getElementById("events-severity"), "severity", [["info", "All"], ["warning", "Warnings"], ["error", "Errors"]], "info", (value) => {
      filter.severity = value;
      redraw();
    });
    for (const [kind, label] of Object.entries(KINDS)) {
      const box = el("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => {
        filter.kinds[box.checked ? "add" : "delete"](kind);
        redraw();
      });
      document.getElementById("events-kinds").append(el("label", {}, box, el("span", {}, label)));
    }
    document.getElementById("events-text").addEventListener("input", (event) => {
      filter.text = event.target.value.trim().toLowerCase();
      redraw();
    });
    pause.addEventListener("click", () => {
      held = held === null && last ? last.events : null;
      setAttribute(pause, "aria-pressed", String(held !== null));
      redraw();
    });
  }

  function redraw() {
    drawn = null;
    if (last) {
      draw(last);
    }
  }

  function draw(swarm) {
    last = swarm;
    const events = held ?? swarm.events;
    const waiting = held ? swarm.events.filter((event) => event.seq > (held.at(-1)?.seq ?? -1)).length : 0;
    setText(pause, held ? (waiting > 0 ? `Go on (${waiting} new)` : "Go on") : "Pause");
    if (drawn !== events) {
      drawn = events;
      drawLines(events, swarm);
    }
    speak(swarm.events);
  }

  function drawLines(events, swarm) {
    const names = new Map(swarm.nodes.map((node) => [node.id, nodeName(node)]));
    const keys = new Set(events.map(keyOf));
    for (const [key, line] of lines) {
      if (!keys.has(key)) {
        line.element.remove();
        lines.delete(key);
      }
    }
    let shown = 0;
    for (const event of events) {
      const key = keyOf(event);
      if (!lines.has(key)) {
        const line = newLine(event, names);
        lines.set(key, line);
        host.prepend(line.element);
      }
      const line = lines.get(key);
      line.element.hidden = !passes(line, event);
      shown += line.element.hidden ? 0 : 1;
    }
    host.hidden = shown === 0;
    empty.hidden = shown > 0;
    setText(empty, events.length === 0 ? "Nothing has happened yet. Joins, leaves and failures will stand here." : "No event passes these filters. Choose more kinds, or empty the text.");
  }

  function passes(line, event) {
    return filter.kinds.has(KINDS[event.kind] ? event.kind : "note")
      && (RANKS[event.severity] ?? 0) >= RANKS[filter.severity]
      && (filter.text === "" || line.words.includes(filter.text));
  }

  function speak(events) {
    const newest = events.at(-1);
    if (spokenSeq !== null && spokenSeq > (newest?.seq ?? -1)) {
      spokenSeq = null;
    }
    if (spokenSeq === null || document.getElementById("panel-events").hidden || held) {
      spokenSeq = newest?.seq ?? -1;
      return;
    }
    const fresh = events.filter((event) => event.seq > spokenSeq);
    if (fresh.length > 0 && Date.now() - spokenAt > SPEECH_MILLIS) {
      spokenAt = Date.now();
      spokenSeq = newest.seq;
      setText(live, `${plural(fresh.length, "new event")}. ${plain(newest.text).slice(0, 160)}`);
    }
  }

  return {
    draw,
    hide() {
      spokenSeq = null;
    },
  };
}

/** A server that was started anew counts from one again. */
function keyOf(event) {
  return `${event.at} ${event.seq}`;
}

function newLine(event, names) {
  const node = event.node ? el("a", { href: addressOf("swarm", event.node) }, foreign(names.get(event.node) ?? String(event.node).slice(0, 8), 40)) : null;
  const expert = event.expert ? el("a", { href: addressOf("experts", event.expert) }, foreign(event.expert, 32)) : null;
  const element = el("li", { class: "event", "data-severity": event.severity },
    el("time", { datetime: isoTime(event.at) }, clock(event.at)),
    el("span", { class: "event-mark" }, el("span", { "aria-hidden": "true" }, MARKS[event.severity] ?? "i"), el("span", { class: "visually-hidden" }, `${plain(event.severity)}: `)),
    el("span", { class: "event-kind" }, (KINDS[event.kind] ?? "Notes").replace(/s$/, "")),
    el("p", { class: "event-text" }, foreign(event.text, 300)),
    el("span", { class: "event-where" }, node, node && expert ? " " : null, expert));
  const words = [event.text, event.kind, event.node, event.expert, names.get(event.node)].map((word) => plain(word)).join(" ").toLowerCase();
  return { element, words };
}
