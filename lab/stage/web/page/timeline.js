// The last minutes as bars on lanes: push above pull on one linear axis, as in the report.
import { html } from "/page/vendor/htm-preact.js";

const SPAN_S = 180;
// A run that has just begun is not stretched over the whole width.
const LEAST_S = 60;
const LABEL = 8.5; // per cent of the width
const API = "API";

// The pattern of each look is the figure's of the report.
const HATCHES = {
  gone: "M-2 10 10 -2 M0 20 20 0 M10 22 22 10", twice: "M0 0 10 10 M0 10 10 0", stray: "M0 5H10",
  unknown: "M-2 10 10 -2 M0 20 20 0 M10 22 22 10", off: "M-2 10 10 22 M0 0 20 20 M10 -2 22 10", paused: "M5 0V10",
  silent: "M5 0V10 M0 5H10", lie: "M0 8H20",
};

// The timeline at a second; drawn again only where one of these is another one than before.
let drawn = { of: [], figure: null };
export function timeline(view, now_s, t) {
  const bars = Object.entries(view).filter(([key]) => key.startsWith("bars/"));
  const of = [now_s, t, view.run, ...bars.map(([, value]) => value)];
  const same = of.length === drawn.of.length && of.every((value, index) => value === drawn.of[index]);
  if (!same) drawn = { of, figure: html`<${Timeline} view=${view} now_s=${now_s} t=${t} />` };
  return drawn.figure;
}

function Timeline({ view, now_s, t }) {
  const { modes, nodes } = view.run;
  const from_s = Math.max(0, now_s - SPAN_S);
  const span_s = Math.max(LEAST_S, now_s - from_s);
  const per = (at_s) => LABEL + ((98 - LABEL) * (at_s - from_s)) / span_s;
  const lanes = modes.flatMap((mode) => [...nodes, API].map((name) => ({ mode, name })));
  const count = 1 + modes.length * (nodes.length + 0.7) + 0.9;
  const unit = 100 / count;
  let top = unit;
  for (const lane of lanes) {
    lane.top = top;
    lane.height = lane.name === API ? 0.6 * unit : unit;
    top += lane.height + (lane.name === API ? 0.1 * unit : 0);
  }
  const label = t.timeline(Math.round(from_s), Math.round(now_s));
  return html`
    <figure class="timeline" aria-label=${label}>
      <svg role="img" aria-label=${label} class=${unit < 9 ? "fine" : ""}>
        <defs>${Object.entries(HATCHES).map(([look, d]) => html`<${Hatch} look=${look} d=${d} />`)}</defs>
        ${lanes.map((lane) => html`<${Row} lane=${lane} first=${lane.name === nodes[0]} t=${t} />`)}
        <${Ticks} from_s=${from_s} to_s=${from_s + span_s} now_s=${now_s} bottom=${top} per=${per} t=${t} />
        <text x="0.3%" y="${unit / 2}%" class="name">${t.faultLane}</text>
        <${Faults} faults=${view["bars/faults"] ?? []} from_s=${from_s} now_s=${now_s} height=${0.9 * unit} per=${per} t=${t} />
        ${lanes.flatMap((lane) => bars(view, lane, from_s, now_s, t).map((bar) => html`
          <${Bar} ...${bar} key=${`${lane.mode}/${lane.name}/${bar.id}`} per=${per} />`))}
      </svg>
      <${Legend} used=${lanes.flatMap((lane) => barsOf(view, lane).map((bar) => bar[1]))} t=${t} />
    </figure>`;
}

const barsOf = (view, { mode, name }) => view[`bars/${mode}/${name}`] ?? [];

// The bars of one lane that are within the time shown, each container in a row of its own.
function bars(view, lane, from_s, now_s, t) {
  const found = barsOf(view, lane).filter((bar) => (bar[3] ?? now_s) > from_s);
  const names = [...new Set(found.map((bar) => bar[0]))].filter((name) => name !== lane.name);
  return found.map(([name, look, start_s, end_s]) => {
    const whole = name === lane.name;
    const height = (0.92 * lane.height) / (whole ? 1 : names.length);
    return {
      id: `${name}/${look}/${start_s}`, look, height,
      top: lane.top + (whole ? 0 : names.indexOf(name) * height),
      from_s: Math.max(from_s, start_s), to_s: end_s ?? now_s,
      word: whole || look === "runs" ? (whole ? t.looks[look] : name) : `${name} ${t.looks[look] ?? look}`,
    };
  });
}

// All faults share one lane; their words are where there is most room.
function Faults({ faults, from_s, now_s, height, per, t }) {
  const shown = faults.filter(([, , , end_s]) => (end_s ?? now_s) > from_s);
  if (!shown.length) return null;
  const names = [...new Set(shown.map(([fault]) => fault))];
  const targets = (name) => shown.filter(([fault]) => fault === name).map(([, target]) => target);
  const words = names.map((name) => `${t.faults[name] ?? name} ${[...new Set(targets(name))].join(", ")}`).join("; ");
  const first = per(Math.max(from_s, Math.min(...shown.map(([, , start_s]) => start_s))));
  const last = per(Math.max(...shown.map(([, , , end_s]) => end_s ?? now_s)));
  const [x, place] = last < 70 ? [last + 0.4, "after"] : first > 35 ? [first - 0.4, "before"] : [(first + last) / 2, "in"];
  return html`
    ${shown.map(([fault, target, start_s, end_s], row) => html`
      <${Bar} key=${`${fault}${target}${start_s}`} look="fault" per=${per} from_s=${Math.max(from_s, start_s)}
        to_s=${end_s ?? now_s} top=${(height * row) / shown.length} height=${height / shown.length} word="" />`)}
    <g class="look-fault"><text x="${x}%" y="${height / 2}%" class=${place}>${words}</text></g>`;
}

function Bar({ look, top, height, from_s, to_s, word, per }) {
  const place = { x: `${per(from_s)}%`, y: `${top}%`, height: `${height}%`, width: `${Math.max(0.15, per(to_s) - per(from_s))}%` };
  // A letter is about 0.65 % of the width; a row lower than 7 % has no room for words.
  const fits = word && height > 7 && word.length * 0.65 < per(to_s) - per(from_s);
  return html`<g class="bar look-${look}">
    <rect ...${place} class="fill ${height < 3 ? "thin" : ""}" />
    ${HATCHES[look] && html`<rect ...${place} fill="url(#hatch-${look})" />`}
    ${fits && html`<text x="${(per(from_s) + per(to_s)) / 2}%" y="${top + height / 2}%" class="in">${word}</text>`}
    <title>${word}</title>
  </g>`;
}

function Hatch({ look, d }) {
  const size = d.includes("20") ? 20 : 10;
  return html`<pattern id="hatch-${look}" width=${size} height=${size} patternUnits="userSpaceOnUse">
    <path d=${d} class="hatch" /></pattern>`;
}

function Row({ lane, first, t }) {
  return html`<g>
    <line x1="0" x2="100%" y1="${lane.top}%" y2="${lane.top}%" class=${first ? "mode" : "row"} />
    ${first && html`<text x="0.3%" y="${lane.top + lane.height / 2}%" class="name">${t.modes[lane.mode] ?? lane.mode}</text>`}
    ${html`<text x="${LABEL - 0.4}%" y="${lane.top + lane.height / 2}%" class="lanename">${lane.name}</text>`}
  </g>`;
}

function Ticks({ from_s, to_s, now_s, bottom, per, t }) {
  const every_s = to_s - from_s > 90 ? 30 : 10;
  const ticks = [];
  for (let at_s = now_s; at_s > from_s; at_s -= every_s) ticks.push(at_s);
  return ticks.map((at_s) => html`<g key=${at_s}>
    <line x1="${per(at_s)}%" x2="${per(at_s)}%" y1="0" y2="${bottom}%" class="tick" />
    <text x="${per(at_s)}%" y="99%" class="at">${at_s === now_s ? t.now : `−${now_s - at_s} s`}</text></g>`);
}

function Legend({ used, t }) {
  const looks = Object.keys(t.looks).filter((look) => used.includes(look));
  return html`<figcaption>${looks.map((look) => html`
    <span key=${look} class="sample look-${look}"><b>${t.looks[look]}</b></span>`)}</figcaption>`;
}
