// The server's feed. The browser resumes a lost stream once by itself, where it left off; after that the page retries
// with longer and longer pauses, and says when.

const FIRST_PAUSE_MILLIS = 1_000;
const LONGEST_PAUSE_MILLIS = 15_000;

/** For a page that found no seat. */
const LOOK_MILLIS = 5_000;

/** The server tells something every second, so a stream that is silent for so long is broken. */
const SILENCE_MILLIS = 15_000;

/** Opens the feed; the returned object tells its phase: connecting, live, resuming, polling or gone. */
export function openFeed({ onSnapshot, onUpdate, onPhase }) {
  const feed = { phase: "connecting", retryAt: null, heardAt: null, retryNow, checkSilence };
  let source = null;
  let timer = null;
  let pause = FIRST_PAUSE_MILLIS;
  let opened = false;
  let connectedAt = 0;

  function connect() {
    feed.retryAt = null;
    opened = false;
    connectedAt = Date.now();
    source = new EventSource("api/updates");
    source.addEventListener("snapshot", (event) => take(event, onSnapshot));
    source.addEventListener("update", (event) => take(event, onUpdate));
    source.addEventListener("open", () => heard());
    source.addEventListener("error", lost);
  }

  function take(event, receive) {
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return;
    }
    heard();
    receive(message);
  }

  function heard() {
    opened = true;
    feed.heardAt = Date.now();
    pause = FIRST_PAUSE_MILLIS;
    become("live");
  }

  function lost() {
    if (source.readyState === EventSource.CONNECTING && feed.phase === "live") {
      become("resuming");
      return;
    }
    source.close();
    if (opened) {
      retryLater();
    } else {
      look(source);
    }
  }

  /** Nobody may follow who comes when all seats are taken, but everybody may look now and then. */
  async function look(refused) {
    let message;
    try {
      const answer = await fetch("api/snapshot", { cache: "no-store", signal: AbortSignal.timeout(LOOK_MILLIS) });
      message = answer.ok ? await answer.json() : null;
    } catch {
      message = null;
    }
    if (refused !== source) {
      return;
    }
    if (message === null) {
      retryLater();
      return;
    }
    feed.heardAt = Date.now();
    clearTimeout(timer);
    timer = setTimeout(connect, LOOK_MILLIS);
    become("polling");
    onSnapshot(message);
  }

  function retryLater() {
    feed.retryAt = Date.now() + pause;
    clearTimeout(timer);
    timer = setTimeout(connect, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MILLIS);
    become("gone");
  }

  /** A connection that broke without a word, as while a computer slept, is set up anew. */
  function checkSilence() {
    const since = Math.max(feed.heardAt, connectedAt);
    if ((feed.phase === "live" || feed.phase === "resuming") && Date.now() - since > SILENCE_MILLIS) {
      retryNow();
    }
  }

  function retryNow() {
    clearTimeout(timer);
    source.close();
    connect();
  }

  function become(phase) {
    if (feed.phase !== phase) {
      feed.phase = phase;
    }
    onPhase();
  }

  connect();
  return feed;
}
