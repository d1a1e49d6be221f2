// A lane for each mode: its headline, a box for each node, and one for its API.
import { html } from "/page/vendor/htm-preact.js";

const ICONS = {
  bad: "M5 5 19 19 M19 5 5 19",
  good: "M4 13 10 19 20 6",
  busy: "M12 4v8l5 4 M12 2a10 10 0 1 0 .01 0",
  plain: "M5 12h14",
  fault: "M13 2 5 13h6l-1 9 9-12h-6z",
};

const Icon = ({ name }) => html`
  <svg class="icon icon-${name}" viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;

export function Lane({ lane, t, onBreak }) {
  const { tone, said } = lane.headline;
  const text = said.map(([key, ...of]) => sentence(t, key, of)).join(" ");
  return html`
    <section class="lane" aria-labelledby=${`lane-${lane.mode}`}>
      <div class="headline ${tone}">
        <h2 id=${`lane-${lane.mode}`}>${t.modes[lane.mode] ?? lane.mode}</h2>
        <${Icon} name=${tone} />
        <p role="status" class=${text.length > 74 ? "longer" : text.length > 58 ? "long" : ""}>${text}</p>
      </div>
      <div class="boxes ${lane.nodes.length > 4 ? "narrow" : ""}">
        ${lane.nodes.map((node) => html`
          <${Node} key=${node.name} node=${node} mode=${lane.mode} of=${lane.nodes.length} t=${t} onBreak=${onBreak} />`)}
        <${Api} api=${lane.api} waiting=${lane.waiting} t=${t} onBreak=${onBreak} />
      </div>
    </section>`;
}

const sentence = (t, key, of) => (typeof t[key] === "function" ? t[key](...of) : t[key]);

function Node({ node, mode, of, t, onBreak }) {
  const sign = !node.known ? "·" : node.should !== node.runs ? "≠" : "=";
  return html`
    <div class="box ${node.machine}" role="group" aria-label=${node.name}>
      <${Head} name=${node.name} of=${node} t=${t} onBreak=${onBreak && (() => onBreak({
        target: node.name, mode, containers: node.blocks.map((block) => block.name) }))} />
      <p class="counts">
        <span class="should">${t.should}</span> <b>${node.should}</b> <i>${sign}</i> <span class="should">${t.runs}</span> <b>${node.known ? node.runs : "?"}</b>
        <${State} machine=${node.machine} t=${t} />
      </p>
      <${Blocks} blocks=${node.blocks} mode=${mode} of=${of} t=${t} />
      <p class="clocks">
        <${Clock} heard=${node.heard} t=${t} />
        ${node.lease_s !== null && html`<span class="lease">${t.lease(node.lease_s)}</span>`}
      </p>
    </div>`;
}

function Head({ name, of, t, onBreak }) {
  return html`
    <header>
      <h3 title=${name}>${name}</h3>
      ${[...new Map(of.faults.map((one) => [one.fault, one])).values()].slice(-2).map((one) => html`
        <span class="fault" key=${one.fault} title=${one.command}>
          <${Icon} name="fault" />${t.faults[one.fault] ?? one.words ?? one.fault}
        </span>`)}
      ${onBreak && html`
        <button class="break" aria-label=${t.break(name)} title=${t.break(name)}
          onClick=${onBreak}><${Icon} name="fault" /></button>`}
    </header>`;
}

function State({ machine, t }) {
  const word = t.machines[machine] ?? machine;
  return word && html`<span class="state">${word}</span>`;
}

// How many fit beside each other, where there are so many nodes.
const COLUMNS = { 1: 9, 2: 5, 3: 3 };

function Blocks({ blocks, mode, of, t }) {
  const rows = Math.ceil(blocks.length / (COLUMNS[of] ?? 2));
  const dense = rows <= 2 ? 0 : rows <= 3 ? 1 : rows <= 5 ? 2 : 3;
  return html`
    <ul class="blocks dense-${dense}">
      ${blocks.map(({ name, node, look }) => html`
        <li key=${name} class="block look-${look}" title=${`${name}: ${t.looks[look]}`}
          data-block=${`${mode}/${name}`} data-node=${node} data-look=${look}>
          <b>${name}</b><span class=${look === "runs" ? "hidden" : "word"}> ${t.looks[look]}</span>
        </li>`)}
    </ul>`;
}

function Clock({ heard, t }) {
  if (heard.age === null) return html`<span class="clock late">${t.never}</span>`;
  return html`<span class="clock ${heard.late ? "late" : ""}">
    ${heard.late ? t.unheard(heard.age) : t.heard(heard.age)}</span>`;
}

function Api({ api, waiting, t, onBreak }) {
  const silent = api.silent_s !== null;
  const sign = api.is === null ? "·" : api.says !== api.is ? "≠" : "=";
  const really = t.really(api.is ?? "?");
  const says = api.mode === "push" ? t.lists(api.says) : t.says(api.says);
  const nodes = api.nodes.map(([node, state]) => t.isNode(node, t.nodes[state] ?? state));
  const notes = silent ? [] : lies(api, t);
  return html`
    <div class="box api ${api.machine} ${silent ? "silent" : ""}" role="group" aria-label=${t.api(api.mode)}>
      <${Head} name=${t.api(api.mode)} of=${api} t=${t} onBreak=${onBreak && (() => onBreak({
        target: api.name, api: true, mode: api.mode, containers: [] }))} />
      ${silent
        ? html`<p class="noanswer" title=${api.error}><span>${t.noAnswer(api.silent_s)}</span></p>
            <p class="counts">${really}</p>`
        : api.says !== null && html`<p class="counts">
            ${says} <i>${sign}</i> ${really}</p>`}
      <div class="notes">
        ${!silent && nodes.length > 0 && html`<p>${nodes.join(", ")}</p>`}
        ${notes.map((text) => html`<p class="lie" key=${text} title=${text}>${text}</p>`)}
        ${!notes.length && !waiting.length && api.event && html`<p class="event">${eventText(api.event)}</p>`}
        ${waiting.length > 0 && html`<p>${t.waiting}</p>`}
      </div>
      ${waiting.length > 0 && html`<${Blocks} blocks=${waiting} mode=${api.mode} t=${t} />`}
      <p class="clocks"><${Clock} heard=${api.heard} t=${t} /><${State} machine=${api.machine} t=${t} /></p>
    </div>`;
}

// What the API says that is not so, in words; of many only the first of each kind.
function lies(api, t) {
  const word = (words, key) => words[key] || key;
  const unaware = api.unaware.slice(0, 1).map(({ node, said, is }) =>
    t.unaware(node, word(t.nodes, said), word(t.machines, is)));
  const node = api.claimed[0]?.node ?? "";
  const names = api.claimed.filter((one) => (one.node ?? "") === node).map((one) => one.name);
  return [...unaware, ...(names.length ? [t.claimed(names.join(", "), node)] : [])];
}

const eventText = ({ container, node, text }) =>
  [[container, node].filter(Boolean).join(" → "), text].filter(Boolean).join(": ");
