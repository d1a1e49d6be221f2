"""What `lab status` says about a survey: rows for people and JSON for programs. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lab.machines import clocks, units
from lab.planes.client import Declared, Running
from lab.planes.survey import Survey
from lab.terminal.table import render
from services.core.errors import LabError
from services.core.model import Health, Node

CONVERGED = "converged"
UNSEEN = "cannot be seen"
NO_WISH = "no list to compare with"
_REMEDIES = {
    "paused": "lab heal lets it go on",
    "off": "lab heal boots it",
    "absent": "lab up both",
}
# Of machines in these states it is known that nothing runs there.
_EMPTY = ("off", "absent")


class NodeRow(NamedTuple):
    """One node in one mode. wanted: None where there is no list; running: None if unseen."""

    mode: str
    node: str
    wanted: tuple[str, ...] | None
    running: tuple[str, ...] | None
    state: str


def compare(wanted: Sequence[str] | None, running: Sequence[str] | None) -> str:
    """Return in words how `running` differs from `wanted`."""
    if running is None:
        return UNSEEN
    if wanted is None:
        return NO_WISH
    missing = sorted(set(wanted) - set(running))
    extra = sorted(set(running) - set(wanted))
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"not wanted: {', '.join(extra)}"] if extra else []
    return "; ".join(parts) or CONVERGED


def rows(survey: Survey) -> list[NodeRow]:
    """Return a row for every mode that is on and every node, in the topology's order."""
    return [
        _row(survey, mode, node.name) for mode in survey.modes for node in survey.topology.nodes
    ]


def _row(survey: Survey, mode: str, node: str) -> NodeRow:
    wanted = _wanted(survey.pull, node) if mode == "pull" else None
    running = survey.containers(mode, node)
    unknown = mode == "pull" and wanted is None and running is not None
    state = "API does not say what is wanted" if unknown else compare(wanted, running)
    return NodeRow(mode, node, wanted, running, state)


def _wanted(pull: Declared | LabError, node: str) -> tuple[str, ...] | None:
    if isinstance(pull, LabError):
        return None
    return tuple(sorted(placed.name for placed in pull.containers if placed.node == node))


def unplaced(survey: Survey) -> tuple[str, ...]:
    """Return what pull wants but has put nowhere."""
    if isinstance(survey.pull, LabError):
        return ()
    return tuple(placed.name for placed in survey.pull.containers if placed.node is None)


def copies(survey: Survey, mode: str) -> dict[str, int]:
    """Return container -> how many nodes run it, where that is not one.

    none: known only where every node could be looked at; on one that cannot be, it may run.
    """
    found = [
        () if survey.states[node.name] in _EMPTY else survey.containers(mode, node.name)
        for node in survey.topology.nodes
    ]
    counts = Counter(name for names in found for name in names or ())
    wanted = () if isinstance(survey.pull, LabError) or mode != "pull" else survey.pull.names
    absent = () if None in found else [name for name in wanted if name not in counts]
    several = {name: count for name, count in counts.items() if count > 1}
    return {**dict.fromkeys(absent, 0), **several}


def ordered_not_running(survey: Survey) -> tuple[str, ...]:
    """Return what push was asked to start, and no node that could be looked at runs."""
    if isinstance(survey.ordered, LabError) or "push" not in survey.modes:
        return ()
    run = {
        name
        for node in survey.topology.nodes
        for name in survey.containers("push", node.name) or ()
    }
    return tuple(name for name in survey.ordered if name not in run)


def api(survey: Survey, mode: str) -> str:
    """Return in one line what the API of `mode` answers."""
    answer: Running | Declared | LabError = survey.push if mode == "push" else survey.pull
    if isinstance(answer, LabError):
        return with_hint(answer)
    if isinstance(answer, Running):
        silent = f", unreachable: {', '.join(answer.unreachable)}" if answer.unreachable else ""
        return f"answers: {len(answer.containers)} containers run{silent}"
    return f"answers: {len(answer.containers)} containers wanted, {len(answer.running)} run"


def health(survey: Survey) -> dict[str, str]:
    """Return node -> up, suspect or down, as pull's API sees it; empty when it is silent."""
    return {node.name: node.health.value for node in _known(survey)}


def standings(survey: Survey) -> dict[str, str]:
    """Return node -> its standing in pull; empty when its API is silent."""
    return {node.name: standing(node) for node in _known(survey)}


def _known(survey: Survey) -> tuple[Node, ...]:
    return () if isinstance(survey.nodes, LabError) else survey.nodes.nodes


def standing(node: Node) -> str:
    """Return in a word or two what pull thinks of `node`: up, or what keeps containers off it."""
    marks = {"leaving": node.leaving, "draining": node.draining, "cordoned": node.cordoned}
    words = [word for word, is_set in marks.items() if is_set]
    if node.draining and node.cordoned:
        words.remove("cordoned")  # it goes without saying
    if node.health is not Health.UP or not words:
        words.append(node.health.value)
    return " and ".join(words)


def services(survey: Survey, machine: str) -> str:
    """Return in one line which services of ours `machine` runs, or why that is unknown."""
    seen = survey.units.get(machine)
    if isinstance(seen, LabError):
        return str(seen)
    if seen is None:
        return _REMEDIES.get(survey.states[machine], "")
    role = survey.topology.machine(machine).role
    found = units.services(seen, role, survey.modes)
    return ", ".join(f"{_short(unit.name)} {unit.active}" for unit in found)


def machine_state(survey: Survey, machine: str) -> str:
    """Return the machine's state, and what pull thinks of it where that is news."""
    state = survey.states.get(machine, "absent")
    thought = standings(survey).get(machine, Health.UP.value)
    return state if thought == Health.UP.value else f"{state} ({thought} for pull)"


def as_text(survey: Survey) -> str:
    """Return the whole of `lab status`: machines, APIs, nodes."""
    names = [machine.name for machine in survey.topology.machines]
    machines = [(name, machine_state(survey, name), services(survey, name)) for name in names]
    nodes = [
        (row.mode, row.node, _list(row.wanted, "-"), _list(row.running, "?"), row.state)
        for row in rows(survey)
    ]
    parts = [
        f"libvirt does not say which machines run: {with_hint(survey.libvirt)}"
        if survey.libvirt
        else "",
        render(("machine", "state", "services"), machines),
        "\n".join(f"{mode} API {api(survey, mode)}" for mode in survey.modes),
        render(("mode", "node", "wanted", "running", ""), nodes) if nodes else _why_empty(survey),
        "\n".join(_remarks(survey)),
    ]
    return "\n\n".join(part for part in parts if part)


def _remarks(survey: Survey) -> Iterator[str]:
    """Yield a line for each thing that the tables do not show."""
    if waiting := unplaced(survey):
        yield f"placed nowhere yet: {', '.join(waiting)}"
    for mode in survey.modes:
        if counts := copies(survey, mode):
            said = ", ".join(f"{name} {count or 'none'}" for name, count in counts.items())
            yield f"copies in {mode}, where not one: {said}"
    if gone := ordered_not_running(survey):
        yield (
            f"ordered from push, and no node that answers runs it: {', '.join(gone)} "
            "(from the log of its API since that started; push keeps no list)"
        )
    if survey.clocks:
        wrong = [f"{name}: {clocks.words(ahead_s)}" for name, ahead_s in survey.clocks.items()]
        yield f"{', '.join(wrong)}; lab heal sets the clocks"


def as_json(survey: Survey) -> dict[str, Any]:
    """Return everything of the text, and nothing that is not in it."""
    return {
        "lab": survey.topology.lab,
        "machines": [
            {
                "name": machine.name,
                "state": survey.states.get(machine.name, "absent"),
                "services": services(survey, machine.name),
            }
            for machine in survey.topology.machines
        ],
        "modes": {mode: api(survey, mode) for mode in survey.modes},
        "health": health(survey),
        "standing": standings(survey),
        "nodes": [row._asdict() for row in rows(survey)],
        "unplaced": list(unplaced(survey)),
        "copies": {mode: copies(survey, mode) for mode in survey.modes},
        "ordered_not_running": list(ordered_not_running(survey)),
        "clocks_ahead_s": survey.clocks,
    }


def _why_empty(survey: Survey) -> str:
    asked = [seen for seen in survey.units.values() if not isinstance(seen, LabError)]
    return "no mode is on: lab up both" if asked else "no machine could be asked which mode is on"


def with_hint(error: LabError) -> str:
    """Return in one line what is wrong, and the next step."""
    said = " ".join(str(error).splitlines())
    return f"{said} ({error.hint})" if error.hint else said


def _short(unit: str) -> str:
    return unit.removesuffix(".service")


def _list(names: tuple[str, ...] | None, unknown: str) -> str:
    return unknown if names is None else " ".join(names) or "none"
