// A table that keeps its rows from one update to the next, and changes what changed.

import { el, setAttribute, setText } from "./dom.js";
import { count } from "./format.js";

const SHOWN_AT_FIRST = 50;

/**
 * A table in a host element. A column has `head`, and `text(row)` or `node(row)` (a node is made once per row and text);
 * `order(row)` makes it sortable, `number` sets it right. `keyOf` tells rows apart.
 */
export function dataTable(host, { label, columns, keyOf, empty, isChosen = () => false }) {
  const body = el("tbody");
  const more = el("button", { class: "button more", type: "button", hidden: true });
  const nothing = el("p", { class: "empty", hidden: true });
  const heads = columns.map((column) => head(column));
  const table = el("table", {}, el("caption", { class: "visually-hidden" }, label), el("thead", {}, el("tr", {}, ...heads)), body);
  const scroll = el("div", { class: "table-scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
  host.append(scroll, nothing, more);

  const kept = new Map();
  let rows = [];
  let sorted = null;
  let descending = false;
  let all = false;
  more.addEventListener("click", () => {
    all = true;
    draw();
  });

  function head(column) {
    const cell = el("th", { scope: "col", class: column.number ? "number" : null });
    if (!column.order) {
      cell.append(column.head);
      return cell;
    }
    cell.append(el("button", { type: "button", onclick: () => sortBy(column) }, column.head));
    return cell;
  }

  function sortBy(column) {
    descending = sorted === column ? !descending : Boolean(column.number);
    sorted = column;
    heads.forEach((cell, i) => {
      setAttribute(cell, "aria-sort", columns[i] === sorted ? (descending ? "descending" : "ascending") : null);
    });
    draw();
  }

  function inOrder() {
    if (!sorted) {
      return rows;
    }
    const sign = descending ? -1 : 1;
    const order = (row) => sorted.order(row) ?? -Infinity;
    return [...rows].sort((a, b) => sign * compare(order(a), order(b)));
  }

  function draw() {
    const ordered = inOrder();
    const shown = all ? ordered : ordered.slice(0, SHOWN_AT_FIRST);
    const seen = new Set();
    shown.forEach((row, i) => {
      const key = keyOf(row);
      seen.add(key);
      const line = kept.get(key) ?? newLine(key);
      fillLine(line, row);
      if (body.children[i] !== line.element) {
        body.insertBefore(line.element, body.children[i] ?? null);
      }
    });
    for (const [key, line] of kept) {
      if (!seen.has(key)) {
        line.element.remove();
        kept.delete(key);
      }
    }
    scroll.hidden = rows.length === 0;
    nothing.hidden = rows.length > 0;
    setText(nothing, empty);
    more.hidden = shown.length === ordered.length;
    setText(more, `Show all ${count(ordered.length)}`);
  }

  function newLine(key) {
    const cells = columns.map((column, i) =>
      el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: column.number ? "number" : null }));
    const line = { element: el("tr", {}, ...cells), cells, texts: [] };
    kept.set(key, line);
    return line;
  }

  function fillLine(line, row) {
    columns.forEach((column, i) => {
      const text = column.text(row);
      if (line.texts[i] !== text) {
        line.texts[i] = text;
        if (column.node) {
          line.cells[i].replaceChildren(column.node(row));
        } else {
          setText(line.cells[i], text);
        }
      }
    });
    setAttribute(line.element, "data-state", row.state ?? null);
    setAttribute(line.element, "data-chosen", isChosen(row));
  }

  return {
    update(fresh) {
      rows = fresh;
      draw();
    },
  };
}

function compare(a, b) {
  return typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b), "en", { numeric: true }) : a - b;
}
