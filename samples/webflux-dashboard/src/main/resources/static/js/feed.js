// The server's feed. The browser resumes a lost stream once by itself, where it left off; after that the page retries
// with longer and longer pauses, and says when.

const FIRST_PAUSE_MILLIS = 1_000;
const LONGEST_PAUSE_MILLIS = 15_000;

/** Opens the feed; the returned object tells its phase: connecting, live, resuming or gone. */
export function openFeed({ onSnapshot, onUpdate, onPhase }) {
  const feed = { phase: "connecting", retryAt: null, heardAt: null, retryNow };
  let source = null;
  let timer = null;
  let pause = FIRST_PAUSE_MILLIS;

  function connect() {
    feed.retryAt = null;
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
    feed.retryAt = Date.now() + pause;
    clearTimeout(timer);
    timer = setTimeout(connect, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MILLIS);
    become("gone");
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
