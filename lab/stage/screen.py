"""The view as text for a terminal: the twin of the page. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from lab.stage.view import View
from lab.terminal.table import render

WIDTH = 80
_WORDS = {
    "gone": "{name} runs nowhere",
    "twice": "{name} runs on {node}, and elsewhere",
    "stray": "{name} runs on {node}, and is not wanted",
    "claimed": "the API lists {name} on {node}, where it does not run",
    "silent": "the API does not answer: {error}",
    "unaware": "{node} is {state}, and the API takes it for up",
}
_NO_LIST = "(no list)"
_UNKNOWN = "?"
# After that, a machine is said to be silent.
_LATE_S = 3.0


def text(view: View, at_s: float, width: int = WIDTH) -> str:
    """Return all of it; a line of text before there is anything to be seen."""
    if not view:
        return "waiting for the first record ..."
    run = view["run"]
    parts = [
        _title(run, at_s),
        render(("mode", "node", "state", "desired", "observed"), list(_rows(view, at_s)), width),
        "\n".join(_remarks(view, at_s)),
    ]
    return "\n\n".join(part for part in parts if part)


def _title(run: Mapping[str, Any], at_s: float) -> str:
    label = "RECORDED, " if run["recorded"] else ""
    ended = f", ended: {run['ended']}" if run["ended"] else ""
    return f"{label}{run['title'] or run['name']}, {at_s:.0f} s{ended}"


def _rows(view: View, at_s: float) -> Iterator[tuple[str, ...]]:
    run = view["run"]
    for mode in run["modes"]:
        listed = view.get(f"claims/{mode}", {}).get("listed", [])
        for node in run["nodes"]:
            runs = view[f"runs/{mode}/{node}"]
            observed = " ".join(runs["containers"]) or "none"
            frozen = f"(stands still: {' '.join(runs['frozen'])})" if runs["frozen"] else ""
            desired = " ".join(sorted(name for name, place in listed if place == node)) or "none"
            yield (
                mode,
                node,
                _state(view, node, at_s),
                desired if mode == "pull" else _NO_LIST,
                (frozen or observed) if runs["known"] else f"{_UNKNOWN} {observed}",
            )


def _state(view: View, name: str, at_s: float) -> str:
    """Return what the host sees of a machine, and how long it has been silent."""
    silent_s = at_s - view.get(f"heard/{name}", 0.0)
    late = f", silent {silent_s:.0f} s" if silent_s >= _LATE_S else ""
    return f"{view.get(f'machine/{name}', _UNKNOWN)}{late}"


def _remarks(view: View, at_s: float) -> Iterator[str]:
    """Yield a line for each API, difference and fault, and for what is wrong with the history."""
    api = view["run"]["api"]
    yield f"{api}: {_state(view, api, at_s)}"
    for mode in view["run"]["modes"]:
        names = view.get(f"wanted/{mode}")
        wanted = "is not known yet" if names is None else " ".join(names) or "nothing"
        yield f"{mode}: wanted {wanted}"
        for one in view[f"differs/{mode}"]:
            error = view.get(f"claims/{mode}", {}).get("error", "") or "it was not asked for long"
            state = view.get(f"machine/{one['node']}", "")
            yield f"{mode}: {_WORDS[one['kind']].format(**one, state=state, error=error)}"
    for key, fault in view.items():
        if key.startswith("fault/"):
            since_s = at_s - fault["from_s"]
            yield f"{fault['fault']} on {fault['target']}: {fault['phase']}, {since_s:.0f} s"
    yield from (f"damaged: {sentence}" for sentence in view["run"]["damage"])
