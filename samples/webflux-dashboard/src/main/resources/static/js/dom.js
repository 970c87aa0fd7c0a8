// Small helpers around the DOM. Data enters the page by text nodes and attributes alone.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; attributes whose value is null or false are left out. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets the text of a node that holds nothing but text; does nothing if it is there already. */
export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Replaces what an element holds; if a link in it had the focus, its successor has it. */
export function replaceContent(host, ...children) {
  const focused = host.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  host.replaceChildren(...children);
  if (focused !== null) {
    [...host.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }
}

/** Sets or, for null, removes an attribute; does nothing if it is so already. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) {
      node.removeAttribute(name);
    }
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) {
    node.setAttribute(name, text);
  }
}

/** Foreign text, cut and isolated, so that it cannot turn the direction of what stands around it. */
export function foreign(text, most = 64) {
  const clean = plain(text);
  const shown = cut(clean, most);
  const node = el("bdi", {}, shown);
  if (shown !== clean) {
    node.title = cut(clean, 400);
  }
  return node;
}

/** Text without control and direction characters. */
export function plain(text) {
  return String(text ?? "").replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu, " ");
}

/** At most so many characters, with an ellipsis for what is missing. */
export function cut(text, most) {
  if (text.length <= most) {
    return text;
  }
  const characters = Array.from(text.slice(0, most * 2 + 2));
  return characters.length <= most && text.length <= most * 2 ? text : `${characters.slice(0, most - 1).join("")}…`;
}

/** Whether the visitor asked for less motion. */
export function prefersStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Pixels of one rem. */
export function remPixels() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

/** A row of radio buttons that looks like one control. */
export function segments(fieldset, name, options, chosen, onChoice) {
  for (const [value, label] of options) {
    const input = el("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => onChoice(value));
    fieldset.append(el("label", {}, input, el("span", {}, label)));
  }
}

/** Calls back once per frame at most, however often it is asked. */
export function frames(draw) {
  let asked = false;
  return () => {
    if (!asked) {
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        draw();
      });
    }
  };
}
