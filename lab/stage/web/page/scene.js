// What is on the stage: a pure function of the server's view. The server decides what is true; here
// it is only decided where a block is drawn and in which words.

// A recorder speaks every second; an API is asked every 5 s at the latest.
const HEARD_S = 3;
const ASKED_S = 15;
// A fault that is over as soon as it has acted is shown for a moment.
const MOMENT_S = 5;

const natural = new Intl.Collator("en", { numeric: true }).compare;

// The view with one lane for each mode: what the page draws at second now_s of the run's clock.
export function scene(view, now_s) {
  const run = view.run;
  const faults = active(view, now_s);
  return {
    run,
    faults,
    lanes: run.modes.map((mode) => lane(view, mode, now_s, faults)),
    step: latest(view.step, view.human),
  };
}

function lane(view, mode, now_s, faults) {
  const facts = gather(view, mode, now_s);
  const names = [...new Set([...facts.wanted, ...facts.runs.keys()])].sort(natural);
  const blocks = names.flatMap((name) => blocksOf(facts, name));
  const nodes = view.run.nodes.map((name) => ({
    name,
    machine: view[`machine/${name}`] ?? "running",
    known: facts.known(name),
    faults: faults.filter((one) => one.target === name),
    blocks: blocks.filter((block) => block.node === name),
    should: facts.wanted.filter((one) => facts.home(one) === name).length,
    runs: blocks.filter((block) => block.node === name && counts(facts, block)).length,
    heard: clock(view[`heard/${name}`], now_s, HEARD_S),
    lease_s: mode === "pull" ? left(view[`lease/${name}`], now_s) : null,
  }));
  return {
    mode,
    nodes,
    headline: headline(facts, blocks),
    waiting: blocks.filter((block) => !view.run.nodes.includes(block.node)),
    api: api(view, facts, blocks, now_s, faults),
  };
}

const ALIVE = new Set(["runs", "twice", "stray"]);

// A user's own container, which is neither wanted by the run nor a stray, is shown, not counted.
const counts = (facts, { name, look }) =>
  ALIVE.has(look) && (facts.wanted.includes(name) || look === "stray");

// What the view says of one mode, ready to be asked.
function gather(view, mode, now_s) {
  const nodes = view.run.nodes;
  const wanted = view[`wanted/${mode}`] ?? [];
  const claims = view[`claims/${mode}`] ?? { ok: true, placed: {}, nodes: {} };
  const differs = view[`differs/${mode}`] ?? [];
  const runs = new Map();
  for (const node of nodes) {
    const { containers = [], frozen = [] } = view[`runs/${mode}/${node}`] ?? {};
    for (const name of [...containers, ...frozen]) {
      runs.set(name, [...(runs.get(name) ?? []), node]);
    }
  }
  const bars = (lane) => view[`bars/${mode}/${lane}`] ?? [];
  const diedOn = (name) =>
    nodes.find((node) => bars(node).some((bar) => bar[0] === name && bar[1] === "gone" && bar[3] === null));
  const placed = (name) => Object.hasOwn(claims.placed ?? {}, name) && claims.placed[name];
  return {
    mode, nodes, wanted, asked: `wanted/${mode}` in view, claims, differs, runs, bars, placed, diedOn,
    home: (name) => placed(name) || runs.get(name)?.[0] || diedOn(name) || "",
    known: (node) => view[`runs/${mode}/${node}`]?.known ?? false,
    machine: (node) => view[`machine/${node}`] ?? "running",
    expired: (node) => left(view[`lease/${node}`], now_s) === 0,
    differ: (kind) => differs.filter((one) => one.kind === kind),
  };
}

// The blocks of a container: one on each node that runs it, or one where it should be.
function blocksOf(facts, name) {
  const on = (kind, node) =>
    facts.differ(kind).some((one) => one.name === name && (!one.node || one.node === node));
  const here = facts.runs.get(name) ?? [];
  if (here.length) {
    return here.map((node) => {
      const unknown = !facts.known(node) && "unknown";
      const paused = facts.machine(node) === "paused" && "paused";
      const wrong = ["twice", "stray"].find((kind) => on(kind, node));
      return { name, node, look: paused || unknown || wrong || "runs" };
    });
  }
  const node = facts.home(name);
  const gone = facts.differ("gone").some((one) => one.name === name);
  const ready = facts.nodes.includes(node) && facts.machine(node) === "running";
  const elsewhere = node !== facts.diedOn(name);
  const starts = facts.mode === "pull" && (node ? ready && elsewhere : true);
  return [{ name, node, look: starts ? "start" : gone ? "gone" : "unknown" }];
}

// What happens in this mode, as sentences: [a word's key, its arguments], and whether it is well.
function headline(facts, blocks) {
  const found = troubles(facts, blocks);
  const bad = found.some(([tone]) => tone === "bad");
  // Of several troubles the first sentence each: one line has to do.
  const said = found.flatMap(([, what, then]) => (found.length > 1 || !then ? [what] : [what, then]));
  if (found.length) return { tone: bad ? "bad" : "busy", said };
  const { wanted } = facts;
  const running = new Set(blocks.filter((b) => counts(facts, b)).map((b) => b.name)).size;
  if (!facts.asked) return { tone: "plain", said: [["unasked"]] };
  if (!wanted.length) return { tone: "plain", said: [["asked"]] };
  if (running < wanted.length) return { tone: "plain", said: [["some", running, wanted.length]] };
  return { tone: "good", said: [["all", wanted.length], ...repaired(facts)] };
}

// What is not as it should be, and what the mode does about it: [tone, sentence, sentence].
function troubles(facts, blocks) {
  const push = facts.mode === "push";
  const silent = facts.differ("silent").length > 0;
  const names = (kind) => new Set(facts.differ(kind).map((one) => one.name)).size;
  const of = (look) => blocks.filter((block) => block.look === look);
  const gone = of("gone");
  const here = (block) => facts.machine(block.node) === "running" && facts.nodes.includes(block.node);
  const moving = of("start").filter((block) => facts.diedOn(block.name)).length;
  const starting = of("start").length - moving;
  const frozen = new Set(of("paused").map((block) => block.name));
  for (const { name, look } of blocks) if (look !== "paused") frozen.delete(name);
  const late = of("gone").concat(of("paused")).every((block) => facts.expired(block.node));
  const moves = silent ? "goneSilent" : late ? "goneStays" : "goneWaits";
  const then = push ? "goneForGood" : gone.every(here) ? "goneRestarts" : moves;
  const tone = push || silent || late ? "bad" : "busy";
  return [
    gone.length && [then === "goneRestarts" ? "busy" : tone, ["gone", gone.length], [then, gone.length]],
    frozen.size && [tone, ["frozen", frozen.size], [push ? "goneStill" : moves, frozen.size]],
    moving && ["busy", ["moving", moving]],
    starting && ["busy", ["starting", starting]],
    names("twice") && ["bad", ["twice", names("twice")]],
    names("stray") && [push ? "bad" : "busy", ["stray", names("stray")],
      [push ? "strayForGood" : "strayStops", names("stray")]],
    silent && [push ? "bad" : "busy", ["silent"], [push ? "silentPush" : "silentPull"]],
  ].filter(Boolean);
}

// What was repaired within the time of the bars: moved to another node, or started again.
function repaired(facts) {
  const moved = new Map();
  const again = new Set();
  const stopped = new Set();
  for (const node of facts.nodes) {
    for (const [name, what, , to_s] of facts.bars(node)) {
      const now = (facts.runs.get(name) ?? []).filter((one) => facts.machine(one) === "running");
      if (to_s === null) continue;
      if (what === "stray" && !now.length) stopped.add(name);
      if (what !== "gone" || !now.length || !facts.wanted.includes(name)) continue;
      if (now.includes(node)) again.add(name);
      else moved.set(name, node);
    }
  }
  const from = new Set(moved.values());
  return [
    ...(moved.size ? [["moved", moved.size, from.size === 1 ? [...from][0] : ""]] : []),
    ...(again.size ? [["again", again.size]] : []),
    ...(stopped.size ? [["stopped", stopped.size]] : []),
  ];
}

function api(view, facts, blocks, now_s, faults) {
  const { mode, claims } = facts;
  const says = mode === "push" ? Object.keys(claims.placed ?? {}).length : claims.running?.length ?? 0;
  const open = facts.bars("API").find((bar) => bar[1] === "silent" && bar[3] === null);
  const silent = facts.differ("silent").length > 0 || !claims.ok;
  const asked = clock(claims.at_s, now_s, ASKED_S);
  return {
    mode,
    name: view.run.api,
    machine: view[`machine/${view.run.api}`] ?? "running",
    faults: faults.filter((one) => one.target === view.run.api),
    silent_s: silent ? age(open?.[2] ?? claims.at_s ?? now_s, now_s) : null,
    error: claims.error ?? "",
    heard: asked,
    says: claims.at_s === undefined ? null : says,
    is: facts.nodes.every(facts.known) ? blocks.filter((block) => ALIVE.has(block.look)).length : null,
    nodes: Object.entries(claims.nodes ?? {}).filter(([, state]) => state !== "up"),
    unaware: facts.differ("unaware").map(({ node }) => ({
      node, said: claims.nodes?.[node] ?? "up", is: facts.machine(node),
    })),
    claimed: facts.differ("claimed"),
    event: mode === "pull" ? lastEvent(view) : null,
  };
}

function lastEvent(view) {
  const found = Object.entries(view).filter(([key]) => key.startsWith("event/"));
  return latest(...found.map(([, event]) => event));
}

function active(view, now_s) {
  return Object.entries(view)
    .filter(([key]) => key.startsWith("fault/"))
    .map(([key, fault]) => ({ ...fault, id: key }))
    .filter((one) => one.phase !== "intended")
    .filter((one) => one.to_s === null || momentary(one, now_s));
}

const momentary = ({ from_s, to_s }, now_s) => to_s - from_s < 1 && now_s - from_s < MOMENT_S;
const latest = (...found) =>
  found.filter(Boolean).reduce((a, b) => (a && a.at_s > b.at_s ? a : b), null);
const age = (at_s, now_s) => Math.max(0, Math.floor(now_s - at_s));
const left = (lease, now_s) => (lease ? Math.max(0, Math.ceil(lease.until_s - now_s)) : null);

function clock(at_s, now_s, most_s) {
  if (at_s === undefined || at_s === null) return { age: null, late: true };
  return { age: age(at_s, now_s), late: now_s - at_s > most_s };
}
