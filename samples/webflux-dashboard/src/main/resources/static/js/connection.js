// What the page says about its own connection, and the server's to the swarm.

import { cut, plain, setAttribute, setText } from "./dom.js";
import { span } from "./format.js";

const STALE_MILLIS = 3_000;

/** Binds the pill, the banner and the announcements; returns what draws them. */
export function connectionDisplay(retryNow) {
  const pill = document.getElementById("connection");
  const pillText = document.getElementById("connection-text");
  const banner = document.getElementById("banner");
  const bannerText = document.getElementById("banner-text");
  const retry = document.getElementById("banner-retry");
  const announcer = document.getElementById("announcer");
  retry.addEventListener("click", retryNow);

  return (feed, swarm, now) => {
    const state = describe(feed, swarm, now);
    setAttribute(pill, "data-phase", state.phase);
    setText(pillText, state.label);
    banner.hidden = !state.banner;
    setAttribute(banner, "data-phase", state.phase);
    setText(bannerText, state.banner ?? "");
    retry.hidden = state.phase !== "gone" && state.phase !== "stale";
    setAttribute(document.body, "data-stale", state.old);
    setText(announcer, state.spoken);
  };
}

/** The phase, a label, a banner or null, whether the figures are old, and what a screen reader should say. */
function describe(feed, swarm, now) {
  const age = feed.heardAt === null ? null : Date.now() - feed.heardAt;
  const what = age === null ? "" : ` What you see is ${span(age)} old.`;
  if (feed.phase === "connecting") {
    return state("connecting", "Connecting", null, false, "Connecting to the dashboard's server.");
  }
  if (feed.phase === "gone") {
    const next = feed.retryAt === null ? "Trying again now." : `Trying again in ${Math.max(0, Math.ceil((feed.retryAt - Date.now()) / 1000))} s.`;
    return state("gone", "Server gone", `The dashboard's server does not answer. ${next}${what}`, true, "The dashboard's server does not answer.");
  }
  if (feed.phase === "polling") {
    return state("live", "Every 5 s", "Too many pages follow this dashboard at once, so this one looks every 5 seconds.", false, "Looking every 5 seconds.");
  }
  if (feed.phase === "resuming") {
    return state("stale", "Reconnecting", age > STALE_MILLIS ? `The connection broke and is being resumed.${what}` : null, true, "Reconnecting.");
  }
  if (age > STALE_MILLIS) {
    return state("stale", `Stale for ${span(age)}`, `No news for ${span(age)}: the server is slow, or the network is.`, true, "The figures are stale.");
  }
  return swarmState(swarm, now);
}

function swarmState(swarm, now) {
  const { connection } = swarm;
  const detail = connection.text ? ` ${cut(plain(connection.text), 200)}` : "";
  if (!swarm.known || connection.state === "joined") {
    return state(swarm.known ? "live" : "connecting", swarm.known ? "Live" : "Connecting", null, false, swarm.known ? "Live." : "");
  }
  const at = connection.peer ? ` at ${cut(plain(connection.peer), 80)}` : "";
  const again = Number.isFinite(connection.retryAt) && connection.retryAt > now ? ` Next try in ${span(connection.retryAt - now)}.` : "";
  if (connection.state === "lost") {
    return state("unreachable", "Swarm unreachable", `The swarm${at} does not answer.${detail}${again}`, true, "The swarm does not answer.");
  }
  return state("connecting", "Joining", `Joining the swarm${at}.${detail}${again}`, false, "Joining the swarm.");
}

function state(phase, label, banner, old, spoken) {
  return { phase, label, banner, old, spoken };
}
