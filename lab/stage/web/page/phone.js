// The phone page: what a speaker says, does and expects, and the keys that can be pressed now.
import { html, render } from "/page/vendor/htm-preact.js";
import { caller } from "/page/controls.js";
import { feed as newFeed, listen, stale_ms } from "/page/stream.js";
import { language } from "/page/words.js";

const EN = {
  say: "Say", do: "Do", expect: "Expect", then: "Next step", last: "That was the last stop of this demonstration.",
  on: "Go on", wait: "Wait on", fallback: "Play it recorded",
  playing: (step) => (step ? `Under way: ${step}` : "The demonstration begins…"),
  missed: (limit) => `Pull is not done after ${limit} s. To reset, press r at the keyboard.`,
  recorded: "RECORDED", off: "No demonstration is being played. On the computer: lab demo",
  ended: "The demonstration was ended. On the computer: lab demo --resume",
  share: "Share with a second speaker", shared: "Anyone with this link can read the notes and go on. It breaks and resets nothing.",
  qr: "QR code of the link below",
  stale: "Not connected: this may be old.", refused: "The server refuses this page. Scan the code again.",
  empty: "Waiting for the lab…",
};
const FR = {
  say: "Dire", do: "Faire", expect: "Attendu", then: "Étape suivante", last: "C’était le dernier arrêt de cette démonstration.",
  on: "Continuer", wait: "Attendre encore", fallback: "Montrer l’étape enregistrée",
  playing: (step) => (step ? `En cours : ${step}` : "La démonstration commence…"),
  missed: (limit) => `Pull n’a pas terminé au bout de ${limit} s. Pour réinitialiser : touche r au clavier.`,
  recorded: "ENREGISTRÉ", off: "Aucune démonstration en cours. Sur l’ordinateur : lab demo",
  ended: "La démonstration a été interrompue. Sur l’ordinateur : lab demo --resume",
  share: "Partager avec un autre intervenant", shared: "Avec ce lien, on peut lire et avancer, mais rien casser ni réinitialiser.",
  qr: "QR code du lien ci-dessous",
  stale: "Connexion perdue : l’affichage n’est peut-être plus à jour.", refused: "Le serveur refuse cette page. Scannez le code à nouveau.",
  empty: "En attente du labo…",
};
const WORDS = { en: EN, fr: FR };
// The keys of a keyboard, as `lab demo` has them.
const KEYS = { Enter: "on", " ": "on", ArrowRight: "on", ArrowDown: "on", PageDown: "on", w: "wait", p: "recorded" };

const address = new URLSearchParams(location.search);
const token = address.get("token") ?? "";
const lang = language(address.get("lang"), navigator.language);
const t = WORDS[lang];
// A press that a lost connection swallowed is given up, and can be made again.
const call = caller(token, 4000);
const feed = newFeed();
// pressed: the moment for which a key was pressed here; said: why that went wrong, at moment `at`.
const ui = { pressed: null, at: null, said: "" };

function trouble() {
  if (feed.state === "refused") return t.refused;
  return feed.state === "lost" || stale_ms(feed, performance.now()) ? t.stale : "";
}

function Phone() {
  const { view } = feed;
  const banner = trouble();
  const live = view.running && !banner;
  const offered = live && view.id !== ui.pressed ? view.keys : [];
  const state = view.missed_s != null ? t.missed(Math.round(view.missed_s))
    : view.keys?.length ? view.step : t.playing(view.step);
  return html`
    ${banner && html`<p class="banner" role="alert">${banner}</p>`}
    <main tabindex="0">
      ${view.running ? html`<${Notes} view=${view} state=${state} />`
        : html`<p role="status">${view.url ? (view.ended ? t.ended : t.off) : t.empty}</p>`}
      ${ui.said && ui.at === view.id && html`<p role="alert">${ui.said}</p>`}
      ${view.url && html`<details>
        <summary>${t.share}</summary>
        <p>${t.shared}</p>
        <img alt=${t.qr} loading="lazy" src=${`/qr.svg?${new URLSearchParams({ token })}`} />
        <a href=${view.url}>${view.url}</a>
      </details>`}
    </main>
    <footer>
      <${Button} look="big on" name="on" words=${t.on} offered=${offered} />
      <${Button} look="big fallback" name="recorded" words=${t.fallback} offered=${offered} />
      ${offered.includes("wait") && html`<${Button} look="wait" name="wait" words=${t.wait} offered=${offered} />`}
    </footer>`;
}

function Notes({ view, state }) {
  const part = (what, text, look) => text && html`<h2>${what}</h2><p class=${look}>${text}</p>`;
  return html`
    <header><h1>${view.names[0]}</h1>${view.recorded && html`<p class="recorded">${t.recorded}</p>`}</header>
    <p role="status">${state}</p>
    ${part(t.say, view.say, "say")} ${part(t.do, view.command, "do")} ${part(t.expect, view.expect, "")}
    ${part(t.then, view.then || (view.say && t.last), "")}`;
}

function Button({ look, name, words, offered }) {
  return html`<button class=${look} disabled=${!offered.includes(name)} onClick=${() => press(name)}>${words}</button>`;
}

async function press(key) {
  const { id, keys = [], running } = feed.view;
  if (trouble() || !running || id === ui.pressed || !keys.includes(key)) return;
  Object.assign(ui, { pressed: id, at: id, said: "" });
  draw();
  try {
    await call.post("/press", { id, key });
  } catch (error) {
    // At the same moment it can be pressed again: perhaps it never arrived.
    Object.assign(ui, { pressed: null, said: error.message });
  }
  draw();
}

function draw() {
  render(html`<${Phone} />`, document.getElementById("phone"));
}

document.documentElement.lang = lang;
addEventListener("keydown", (event) => {
  const acts = event.target.closest?.("button, summary, a") && (event.key === "Enter" || event.key === " ");
  if (acts || event.repeat || event.ctrlKey || event.altKey || event.metaKey || !(event.key in KEYS)) return;
  event.preventDefault();
  press(KEYS[event.key]);
});
listen(`/stream?${new URLSearchParams({ token })}`, feed, draw);
setInterval(draw, 1000);
draw();
