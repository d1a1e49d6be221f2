// Blocks that move: measure where they are, draw, and let each come from where it was.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MOVE = { duration: 900, easing: "cubic-bezier(.3, 0, .2, 1)" };
const SHORT = { duration: 400, easing: "ease-out" };

// Where every block is: its key -> [{element, node, look, box}].
export function measure(root) {
  const found = new Map();
  for (const element of root.querySelectorAll("[data-block]")) {
    const { block, node, look } = element.dataset;
    const one = { element, node, look, box: element.getBoundingClientRect() };
    found.set(block, [...(found.get(block) ?? []), one]);
  }
  return found;
}

// Let blocks that changed since `before` move, appear or die.
export function play(before, root) {
  if (calm.matches || !before.size) return;
  for (const [key, blocks] of measure(root)) {
    const old = before.get(key) ?? [];
    for (const block of blocks) animate(block, old.find((one) => one.node === block.node) ?? old[0]);
  }
}

function animate({ element, look, box }, old) {
  if (!old) {
    element.animate([{ transform: "scale(.4)" }, { transform: "none" }], SHORT);
    return;
  }
  const x = old.box.left - box.left;
  const y = old.box.top - box.top;
  if (Math.hypot(x, y) > 4) {
    const from = { transform: `translate(${x}px, ${y}px)`, zIndex: 1 };
    element.animate([from, { transform: "none", zIndex: 1 }], MOVE);
  } else if (look !== old.look) {
    const grown = { transform: "scale(1.2)" };
    element.animate([{ transform: "none" }, grown, { transform: "none" }], SHORT);
  }
}
