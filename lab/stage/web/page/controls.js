// What a presenter operates: the replay, the menu of faults, and the list of keys.
import { html } from "/page/vendor/htm-preact.js";

const STEP_S = 5;
// A fault may take so long to be struck; what a network swallowed is given up then.
const STRIKE_MS = 120_000;
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];

// The page's calls to its server, with the token of the page's own address.
export function caller(token, post_ms = STRIKE_MS) {
  const answer = async (response) => {
    const body = await response.json().catch(() => ({}));
    if (response.ok) return body;
    throw new Error([body.error ?? `HTTP ${response.status}`, body.hint].filter(Boolean).join(". "));
  };
  return {
    async get(path, query) {
      return answer(await fetch(`${path}?${new URLSearchParams({ ...query, token })}`));
    },
    async post(path, body) {
      const headers = { "Content-Type": "application/json", "X-Token": token };
      return answer(await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(post_ms) }));
    },
  };
}

// What a key asks of the replay, as the body of POST /replay; null: nothing.
export function moved(key, replay, now_s) {
  const seek = (at_s) => ({ at_s: Math.min(replay.to_s, Math.max(replay.from_s, at_s)) });
  const faster = (by) => {
    const index = SPEEDS.indexOf(SPEEDS.findLast((speed) => speed <= replay.speed) ?? 1);
    return { speed: SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, index + by))] };
  };
  const asks = {
    " ": () => (now_s >= replay.to_s ? { at_s: replay.from_s, paused: false } : { paused: !replay.paused }),
    ArrowLeft: () => seek(now_s - STEP_S),
    ArrowRight: () => seek(now_s + STEP_S),
    ArrowUp: () => faster(1),
    ArrowDown: () => faster(-1),
    Home: () => seek(replay.from_s),
    End: () => seek(replay.to_s),
  };
  return asks[key]?.() ?? null;
}

export function Replay({ replay, now_s, t, onAsk }) {
  const ask = (key) => () => onAsk(moved(key, replay, now_s));
  const { from_s, to_s, paused, speed } = replay;
  // A slider that is being dragged is where the hand is.
  const dragged = document.querySelector(".replay input:active");
  return html`
    <footer class="replay">
      <button class="play" onClick=${ask(" ")} aria-keyshortcuts="Space">
        <span aria-hidden="true">${paused ? "▶" : "❚❚"}</span> ${paused ? t.play : t.pause}</button>
      <input type="range" aria-label=${t.seek} min=${from_s} max=${to_s} step="any" value=${dragged ? dragged.value : now_s}
        aria-valuetext=${`${Math.floor(now_s)} s`}
        onChange=${(event) => onAsk({ at_s: Number(event.target.value) })} />
      <output>${Math.floor(now_s)} / ${Math.floor(to_s)} s</output>
      <button onClick=${ask("ArrowDown")} aria-label=${`${t.speed(speed)} −`}>−</button>
      <output>${t.speed(speed)}</output>
      <button onClick=${ask("ArrowUp")} aria-label=${`${t.speed(speed)} +`}>+</button>
    </footer>`;
}

// A modal dialog of the browser's own: it keeps the focus, and Esc closes it.
function Dialog({ title, onClose, children }) {
  const open = (element) => element && !element.open && element.showModal();
  return html`
    <dialog ref=${open} onClose=${onClose} aria-labelledby="dialog-title">
      <h2 id="dialog-title">${title}</h2>
      ${children}
    </dialog>`;
}

// What each box's menu has: the faults with these aims, in the words of the catalogue.
const NODE = ["a node", "a machine", "the lab"];
const API = ["the API machine", "a machine", "the lab"];

// The entries of a box's menu, as the bodies of POST /chaos. One container is killed by its name.
export function entries(control, { target, api, mode, containers }) {
  const aims = api ? API : NODE;
  return control.faults.filter((fault) => aims.includes(fault.aims)).flatMap((fault) => {
    const body = { fault: fault.name, target: fault.aims.startsWith("the ") ? "" : target };
    if (fault.name !== "kill-container") return [{ ...body, summary: fault.summary }];
    return containers.map((name) => ({ ...body, summary: fault.summary, options: { name, mode } }));
  });
}

export function Menu({ menu, t, onStrike, onClose }) {
  const walk = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...event.currentTarget.querySelectorAll("button")];
    const next = buttons.indexOf(document.activeElement) + step;
    buttons[(next + buttons.length) % buttons.length].focus();
  };
  return html`
    <${Dialog} title=${t.menu(menu.target)} onClose=${onClose}>
      <ul class="menu" onKeyDown=${walk}>
        ${menu.entries.map((entry) => html`
          <li><button title=${entry.summary} onClick=${() => onStrike(entry)}>
            <b>${t.faults[entry.fault] ?? entry.fault}</b><code>${entry.command ?? "…"}</code>
          </button></li>`)}
      </ul>
      <p>${t.menuHelp}</p>
    </${Dialog}>`;
}

export function Help({ t, replay, onClose }) {
  const keys = [...(replay ? t.replayKeys : []), ...t.keys];
  return html`
    <${Dialog} title=${t.help} onClose=${onClose}>
      <table>${keys.map(([key, what]) => html`
        <tr key=${key}><th scope="row"><kbd>${key}</kbd></th><td>${what}</td></tr>`)}</table>
      <button autofocus onClick=${onClose}>${t.close}</button>
    </${Dialog}>`;
}
