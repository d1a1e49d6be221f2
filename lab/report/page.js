"use strict";
// Everything that is shown goes through textContent: a name in a history is text, and no HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const svg = document.querySelector("#figure svg");
const slider = document.getElementById("cursor");
const tip = document.getElementById("tip");
const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
const STEPS = Number(slider.max);
const PLAY_MS = 20000;

const time = () => data.from_s + (data.to_s - data.from_s) * slider.value / STEPS;
const latest = (entries, mode, at) =>
  entries.filter(([of, from]) => of === mode && from <= at).map((entry) => entry[2]).pop();
const describe = (what, from, to, lines) =>
  [`${what}, ${from.toFixed(1)} s to ${to.toFixed(1)} s`, ...lines.map((i) => data.texts[i])].join("\n");
const barText = ([mode, lane, name, word, from, to, lines]) =>
  describe(`${mode}, ${lane}: ${name === lane ? "" : name + " "}${word}`, from, to, lines);
const faultText = ([fault, target, from, to, lines]) =>
  describe(`${fault} ${target}`, from, to, lines);

const line = document.createElementNS(svg.namespaceURI, "line");
for (const [key, value] of Object.entries({ y1: 0, y2: height, stroke: "#000", "stroke-width": 2, "stroke-dasharray": "6 3" })) {
  line.setAttribute(key, value);
}
svg.append(line);

function cell(kind, text, row) {
  const one = document.createElement(kind);
  one.textContent = text;
  row.append(one);
}

function show() {
  const at = time();
  const x = width * (data.span[0] + (data.span[1] - data.span[0]) * slider.value / STEPS);
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
  document.getElementById("now").textContent = `${at.toFixed(1)} s`;
  slider.setAttribute("aria-valuetext", `${at.toFixed(1)} seconds`);
  const bars = data.bars.filter((bar) => bar[4] <= at && at < bar[5]);
  const faults = data.faults.filter((fault) => fault[2] <= at && at < fault[3]);
  const table = document.createElement("table");
  const head = table.insertRow();
  for (const title of ["", "wanted", ...data.nodes, "the API says"]) cell("th", title, head);
  for (const mode of data.modes) {
    const row = table.insertRow();
    cell("th", mode, row);
    cell("td", latest(data.wanted, mode, at) ?? "", row);
    for (const node of data.nodes) {
      const here = bars.filter((bar) => bar[0] === mode && bar[1] === node);
      cell("td", here.map((bar) => (bar[2] === node ? bar[3] : `${bar[2]} ${bar[3]}`)).join(", "), row);
    }
    cell("td", latest(data.said, mode, at) ?? "", row);
  }
  document.getElementById("state").replaceChildren(table);
  document.getElementById("evidence").textContent = [...faults.map(faultText), ...bars.map(barText)].join("\n");
}

function hint(text, x, y) {
  tip.hidden = !text;
  tip.textContent = text;
  tip.style.left = `${Math.max(0, Math.min(x + 12, innerWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${Math.max(0, Math.min(y + 12, innerHeight - tip.offsetHeight - 4))}px`;
}

const textOf = new Map();
data.bars.forEach((bar, number) => textOf.set(`bar-${number}`, barText(bar)));
data.faults.forEach((fault, number) => textOf.set(`fault-${number}`, faultText(fault)));
for (const [id, text] of textOf) {
  const bar = document.getElementById(id);
  if (!bar) continue;
  bar.setAttribute("tabindex", "0");
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", text);
  bar.addEventListener("pointermove", (event) => hint(text, event.clientX, event.clientY));
  bar.addEventListener("pointerleave", () => hint("", 0, 0));
  bar.addEventListener("focus", () => {
    const box = bar.getBoundingClientRect();
    hint(text, box.left, box.bottom);
  });
  bar.addEventListener("blur", () => hint("", 0, 0));
}
addEventListener("keydown", (event) => event.key === "Escape" && hint("", 0, 0));

function drag(event) {
  if (!(event.buttons & 1)) return;
  const box = svg.getBoundingClientRect();
  const part = (event.clientX - box.left) / box.width;
  slider.value = STEPS * (part - data.span[0]) / (data.span[1] - data.span[0]);
  show();
}
svg.addEventListener("pointerdown", drag);
svg.addEventListener("pointermove", drag);
slider.addEventListener("input", show);

// Who asked for less motion sees the same replay in steps of a second.
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const play = document.getElementById("play");
let timer = 0;
function stop() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "Play";
  play.setAttribute("aria-pressed", "false");
}
play.addEventListener("click", () => {
  if (timer) return stop();
  if (Number(slider.value) >= STEPS) slider.value = 0;
  const everyMs = calm ? 1000 : 40;
  play.textContent = "Pause";
  play.setAttribute("aria-pressed", "true");
  timer = setInterval(() => {
    slider.value = Number(slider.value) + Math.max(1, STEPS * everyMs / PLAY_MS);
    show();
    if (Number(slider.value) >= STEPS) stop();
  }, everyMs);
});
show();
