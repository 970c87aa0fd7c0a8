// Starts the page: one feed, one swarm, one draw per frame at most, and only of what is seen.

import { bindThemeButton } from "./colours.js";
import { connectionDisplay } from "./connection.js";
import { el, foreign, frames } from "./dom.js";
import { openFeed } from "./feed.js";
import { shortId, span } from "./format.js";
import { headline } from "./headline.js";
import { applyUpdate, emptySwarm, fromSnapshot } from "./model.js";
import { bindTabs } from "./tabs.js";
import { chartsView } from "./views/charts.js";
import { eventsView } from "./views/events.js";
import { expertsView } from "./views/experts.js";
import { swarmView } from "./views/swarm.js";
import { trainingView } from "./views/training.js";

const views = {
  swarm: swarmView(),
  experts: expertsView(),
  charts: chartsView(),
  training: trainingView(),
  events: eventsView(),
};

let swarm = emptySwarm();
let clockAhead = 0;
let view = views.swarm;

/** The server's time, as far as the page knows it. */
const now = () => Date.now() + clockAhead;

const draw = frames(() => {
  drawHeadline(swarm, now());
  drawConnection(feed, swarm, now());
  view.draw(swarm, now());
});

function heard() {
  clockAhead = swarm.now - Date.now();
  if (!document.hidden) {
    draw();
  }
}

const drawHeadline = headline();
const feed = openFeed({
  onSnapshot(message) {
    swarm = fromSnapshot(message);
    drawFoot();
    heard();
  },
  onUpdate(message) {
    applyUpdate(swarm, message);
    heard();
  },
  onPhase: () => draw(),
});
const drawConnection = connectionDisplay(() => feed.retryNow());

function drawFoot() {
  const { about } = swarm;
  const known = (what) => (what && what !== "unknown" ? what : null);
  const parts = [["Hivemind", known(about.version), known(about.commit) && `(${shortId(about.commit)})`].filter(Boolean).join(" ")];
  if (about.startedAt) {
    parts.push(`watching for ${span(swarm.now - about.startedAt)}`);
  }
  if (about.self) {
    parts.push(`as peer ${shortId(about.self)}`);
  }
  const foot = document.getElementById("foot");
  foot.replaceChildren(el("p", {}, parts.join(", "), "."));
  if (about.reportTo) {
    foot.append(el("p", {}, "Trainers report to ", foreign(about.reportTo), "."));
  }
}

bindThemeButton(document.getElementById("theme"));
bindTabs(document.querySelector("[role=tablist]"), (name, choice) => {
  view.hide?.();
  view = views[name];
  view.choose?.(choice);
  draw();
});
document.addEventListener("visibilitychange", () => draw());
setInterval(() => {
  feed.checkSilence();
  if (!document.hidden) {
    draw();
  }
}, 1000);
