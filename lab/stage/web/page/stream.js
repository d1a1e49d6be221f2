// The server's stream of events, folded into one view. EventSource reconnects by itself and says
// the id of the last event, so that a lost connection goes on where it was.

// Something comes every second; what is older than this may be over.
export const STALE_MS = 3000;

// What the page knows. state: "opening", "open", "lost" or "refused".
export function feed() {
  return { view: {}, at_s: 0, got_ms: 0, state: "opening" };
}

export function listen(url, feed, changed) {
  const source = new EventSource(url);
  const took = (read) => (event) => {
    const data = JSON.parse(event.data);
    read(data);
    Object.assign(feed, { at_s: data.at_s, got_ms: performance.now(), state: "open" });
    changed();
  };
  source.addEventListener("snapshot", took(({ view }) => (feed.view = view)));
  source.addEventListener("delta", took(({ set = {}, gone = [] }) => {
    const view = { ...feed.view, ...set };
    for (const key of gone) delete view[key];
    feed.view = view;
  }));
  source.addEventListener("error", () => {
    // The browser gives up only where the server answered with a refusal.
    feed.state = source.readyState === EventSource.CLOSED ? "refused" : "lost";
    changed();
  });
  return source;
}

// For how long nothing came, in milliseconds; 0 while the stream is as fresh as it can be.
export function stale_ms(feed, now_ms) {
  const silent_ms = now_ms - feed.got_ms;
  return feed.got_ms && silent_ms > STALE_MS ? silent_ms : 0;
}

// The second of the run's clock that is now. It stands still where nothing comes any more: what
// the page shows is old as a whole, and the banner says how old.
export function now_s(feed, now_ms) {
  const replay = feed.view.replay;
  const speed = replay ? (replay.paused ? 0 : replay.speed) : 1;
  const since_ms = Math.min(now_ms - feed.got_ms, STALE_MS);
  const now = feed.at_s + (since_ms / 1000) * speed;
  return replay ? Math.min(now, replay.to_s) : now;
}
