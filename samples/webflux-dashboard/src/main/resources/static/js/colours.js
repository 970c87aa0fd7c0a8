// Colours of the style sheet for canvases, which know no custom properties.

const cache = new Map();
let probe = null;

/** The colour of a custom property such as --line, as the browser computes it now. */
export function colour(name) {
  let value = cache.get(name);
  if (value === undefined) {
    if (!probe) {
      probe = document.createElement("span");
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = `var(${name})`;
    value = getComputedStyle(probe).color;
    cache.set(name, value);
  }
  return value;
}

/** Calls back when the theme changed, by the button or by the system. */
export function onThemeChange(callback) {
  const changed = () => {
    cache.clear();
    callback();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

const CHOICES = ["auto", "light", "dark"];

/** Lets the button go through auto, light and dark, and keeps the choice. */
export function bindThemeButton(button) {
  const root = document.documentElement;
  const show = () => {
    button.textContent = `Theme: ${root.dataset.theme ?? "auto"}`;
  };
  button.addEventListener("click", () => {
    const next = CHOICES[(CHOICES.indexOf(root.dataset.theme ?? "auto") + 1) % CHOICES.length];
    if (next === "auto") {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = next;
    }
    try {
      localStorage.setItem("hivemind.theme", next);
    } catch {
      // Storage is off: the choice lasts until the page is closed.
    }
    show();
  });
  show();
}
