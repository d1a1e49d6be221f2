// The stage: one feed, one state of the page, one drawing. All that changes ends in `draw`.
import { html, render } from "/page/vendor/htm-preact.js";
import { Lane } from "/page/boxes.js";
import { Help, Menu, Replay, caller, entries, moved } from "/page/controls.js";
import { measure, play } from "/page/motion.js";
import { scene } from "/page/scene.js";
import { feed as newFeed, listen, now_s, stale_ms } from "/page/stream.js";
import { timeline } from "/page/timeline.js";
import { WORDS, language } from "/page/words.js";

// Four drawings a second: no place can flash more than three times a second.
const EVERY_MS = 250;
// For so long what the server answered can be read.
const SAID_MS = 15000;

const address = new URLSearchParams(location.search);
const token = address.get("token") ?? "";
const call = caller(token);
const root = document.getElementById("stage");
const feed = newFeed();
// What the page itself knows. menu: the faults of a target; said: the last answer of the server.
const ui = { lang: address.get("lang"), menu: null, help: false, said: null };
let wanted = true;

// The second of the run's clock that is shown.
const here_s = () => now_s(feed, performance.now());

function draw() {
  wanted = false;
  const before = measure(root);
  try {
    render(html`<${Stage} />`, root);
  } catch (error) {
    // What was drawn before must not look as if it were so now.
    root.replaceChildren();
    render(html`<p class="banner" role="alert">${error.message}</p>`, root);
    throw error;
  }
  play(before, root);
}

function Stage() {
  const { view } = feed;
  const lang = language(ui.lang, navigator.language);
  const t = WORDS[lang];
  document.documentElement.lang = lang;
  const banner = trouble(t);
  const now = here_s();
  if (!view.run) return html`${banner}<main class="empty"><p>${t.empty}</p></main>`;
  const { run, lanes, step } = scene(view, now);
  document.title = `${run.title || run.name} – pushpull-lab`;
  const onBreak = view.control && ((box) => openMenu(entries(view.control, box), box.target));
  return html`
    <${Top} run=${run} step=${step} now=${now} t=${t} banner=${banner} />
    <main class=${banner ? "old" : ""}>
      ${lanes.map((lane) => html`
        <${Lane} key=${lane.mode} lane=${lane} t=${t} onBreak=${onBreak} />`)}
      ${timeline(view, Math.floor(now), t)}
    </main>
    ${performance.now() < ui.said?.until_ms && html`<p class="said ${ui.said.wrong ? "wrong" : ""}" role="status">${ui.said.text(t)}</p>`}
    ${view.replay && html`<${Replay} replay=${view.replay} now_s=${now} t=${t} onAsk=${ask} />`}
    ${ui.menu && html`<${Menu} menu=${ui.menu} t=${t} onStrike=${strike} onClose=${close} />`}
    ${ui.help && html`<${Help} t=${t} replay=${view.replay} onClose=${close} />`}`;
}

function Top({ run, step, now, t, banner }) {
  const ended = run.ended && t.ended[run.ended];
  const doing = step && (step.what && !step.name ? `${t.hand} ${step.what}` : `${t.step} ${step.name}`);
  return html`
    <header class="top">
      ${banner || html`
        <h1 title=${run.name}>${run.title || run.name}</h1>
        <p class="step">${ended || doing}</p>
        ${run.damage?.length > 0 && html`<p class="damage" title=${run.damage.join("\n")}>${t.damage(run.damage.length)}</p>`}`}
      <p class="now">${Math.floor(now)} s</p>
      ${(run.recorded || !(banner || run.ended)) && html`
        <p class=${run.recorded ? "recorded" : "live"}>${run.recorded ? t.recorded : t.live}</p>`}
      <button class="help" aria-label=${t.help} onClick=${openHelp}>?</button>
    </header>`;
}

// Why what is shown may not be so any more; null where the stream is fresh.
function trouble(t) {
  const old_ms = stale_ms(feed, performance.now());
  const never = feed.state === "lost" && !feed.got_ms && t.lost;
  const words = feed.state === "refused" ? t.refused : never || (old_ms && t.stale(Math.round(old_ms / 1000)));
  return words && html`<p class="banner" role="alert">${words}</p>`;
}

const change = (...values) => (Object.assign(ui, ...values), draw());
const close = () => change({ menu: null, help: false });
const openHelp = () => change({ help: true });

const tell = (text, more = {}) =>
  change({ said: { text, until_ms: performance.now() + SAID_MS, ...more } });

async function say(promise, text) {
  try {
    const answer = await promise;
    if (text) tell((t) => text(t, answer));
  } catch (error) {
    tell(() => error.message, { wrong: true });
  }
}

// What was asked of the replay last: the next key counts from there, though the server may still
// answer an earlier one. One request at a time, so that none overtakes another.
let asked = { at_s: 0, until_ms: 0 };
let sent = Promise.resolve();

function ask(body) {
  if (!body) return;
  const { at_s = here_s(), ...rest } = body;
  if ("at_s" in body) asked = { at_s, until_ms: performance.now() + 1000 };
  feed.view = { ...feed.view, replay: { ...feed.view.replay, ...rest } };
  feed.at_s += at_s - here_s();
  draw();
  sent = sent.then(() => say(call.post("/replay", body)));
}

function strike({ fault, target, options }) {
  close();
  tell((t) => t.striking, { until_ms: Infinity });
  say(call.post("/chaos", { fault, target, options }), (t, { command }) => `${t.struck} ${command}`);
}

function openMenu(found, target) {
  change({ menu: { target, entries: found } });
  for (const entry of found) {
    const { fault, options } = entry;
    call.get("/chaos", { fault, target: entry.target, ...options })
      .then(({ command }) => command, (error) => error.message)
      .then((text) => ((entry.command = text), (wanted = true)));
  }
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || ui.menu || ui.help) return;
  const page = document.documentElement;
  const dark = page.dataset.theme ? page.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  if (event.key === "d") page.dataset.theme = dark ? "light" : "dark";
  else if (event.key === "l") change({ lang: page.lang === "fr" ? "en" : "fr" });
  else if (event.key === "?") openHelp();
  else if (event.key === "Escape") change({ said: null });
  else if (feed.view.replay && !event.target.closest?.(event.key === " " ? "button, input" : "input")) {
    const from_s = performance.now() < asked.until_ms ? asked.at_s : here_s();
    const body = moved(event.key, feed.view.replay, from_s);
    if (body) event.preventDefault();
    ask(body);
  }
}

addEventListener("keydown", press);
listen(`/stream?${new URLSearchParams({ token })}`, feed, () => (wanted = true));
let second = -1;
setInterval(() => {
  const now = Math.floor(performance.now() / 1000);
  if (wanted || now !== second) draw();
  second = now;
}, EVERY_MS);
draw();
