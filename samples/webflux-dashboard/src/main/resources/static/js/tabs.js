// The tabs: arrow keys move among them, and the address keeps the view and what was chosen in it (#swarm/ID).

/** Binds the tab list; `onView(name, choice)` is called for the first view and for each change. */
export function bindTabs(list, onView) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const nameOf = (tab) => tab.id.slice("tab-".length);

  function go(tab) {
    location.hash = nameOf(tab);
    tab.focus();
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) {
      go(tab);
    }
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(event.target);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at >= 0 && next !== undefined) {
      event.preventDefault();
      go(tabs[(next + tabs.length) % tabs.length]);
    }
  });

  function show() {
    const [name, ...rest] = location.hash.slice(1).split("/");
    if (name === "views") {
      return;
    }
    const shown = tabs.find((tab) => nameOf(tab) === name) ?? tabs[0];
    for (const tab of tabs) {
      const chosen = tab === shown;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
    }
    document.title = `${shown.textContent} · Hivemind swarm`;
    onView(nameOf(shown), rest.length > 0 ? decoded(rest.join("/")) : null);
  }

  addEventListener("hashchange", show);
  show();
}

/** The address of a view with something chosen in it. */
export function addressOf(view, choice) {
  return `#${view}/${encodeURIComponent(choice)}`;
}

/** Chooses something in the view that is shown, without a new entry in the history. */
export function keepChoice(view, choice) {
  history.replaceState(null, "", choice === null ? `#${view}` : addressOf(view, choice));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
