"""What the lab's units say: systemd's journal of one machine, or of all in the order of time."""

import json
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

from lab.host.speed import deadline_s
from lab.machines import remote, units
from provisioning.topology import Machine
from services.core.errors import LabError, NodeUnreachable

UNITS = ("push-*", "pull-*", "push.target", "pull.target")
# The programs of both control planes, and what a reader of all logs calls them.
SPEAKERS = {
    "push-api.service": "push",
    "pull-api.service": "pull",
    "pull-scheduler.service": "scheduler",
    "pull-node-controller.service": "controller",
    "pull-agent.service": "agent",
}
_JOURNALCTL = ("journalctl", "--all", "--no-pager", "--quiet")  # --all: also what does not print
_ASK_S = 5.0
# Lines of several machines that come within this time are put in the order of their clocks.
_TOGETHER_S = 0.3
_AGAIN_S = 2.0
_SSH_FAILED = 255


class LogLine(NamedTuple):
    """A line of a journal. at_us: microseconds of Unix time. cursor: where journalctl goes on."""

    at_us: int
    machine: str
    unit: str
    text: str
    cursor: str


def command(unit: str | None, lines: int, *, follow: bool) -> list[str]:
    """Return the journalctl command that shows `unit` (None: all of ours) as text."""
    end = ["--follow"] if follow else []
    return [*_JOURNALCTL, "--no-hostname", f"--lines={lines}", *_chosen(unit, UNITS), *end]


def speaks_of(machines: Sequence[Machine], unit: str) -> bool:
    """Return whether one of `machines` knows `unit`, a name or a pattern, or has a line of it."""
    lines = [*_JOURNALCTL, "--output=cat", "--lines=1", f"--unit={unit}"]
    names = [*units.ANY, unit, f"{unit}.service"]
    return any(_answers(machines, lines)) or any(_answers(machines, names))


def units_on(machines: Sequence[Machine]) -> list[str]:
    """Return the names of the lab's units that `machines` have loaded, sorted."""
    said = _answers(machines, units.LIST)
    return sorted({unit.name for one in said for unit in units.parse(one)})


class Latest(NamedTuple):
    """entries: in the order of time. cursors: machine -> its last entry's, also of one that is not
    among `entries`. silent: machine -> why it did not answer."""

    entries: list[LogLine]
    cursors: dict[str, str]
    silent: dict[str, NodeUnreachable]


def latest(machines: Sequence[Machine], unit: str | None, lines: int) -> Latest:
    """Return the last `lines` entries of all `machines` together.

    unit: this one alone, or None for SPEAKERS. journalctl fails where no unit matches a pattern:
    then there are no lines.
    """
    argv = _as_json(unit, f"--lines={max(lines, 1)}")
    said = remote.run_all(machines, argv, timeout_s=deadline_s(_ASK_S))
    silent = {name: one for name, one in said.items() if isinstance(one, NodeUnreachable)}
    found = [
        entry
        for name, one in said.items()
        if not isinstance(one, LabError)
        for entry in map(partial(parse, name), one.splitlines())
        if entry
    ]
    cursors = {entry.machine: entry.cursor for entry in found}
    return Latest(sorted(found)[-lines:] if lines else [], cursors, silent)


def follow(
    machines: Sequence[Machine],
    unit: str | None,
    cursors: Mapping[str, str],
    lines: int,
    say: Callable[[str], None],
) -> Generator[LogLine, None, None]:
    """Yield the entries of all `machines` as they come, without end, also across reboots.

    cursors: machine -> where to begin; a machine without one begins with its last `lines`. say:
    hears of a machine that does not answer any more.
    """
    came: SimpleQueue[LogLine] = SimpleQueue()
    over = threading.Event()
    for machine in machines:
        words = (machine, unit, cursors.get(machine.name, ""), lines, came.put, say, over)
        threading.Thread(target=_follow_one, args=words, daemon=True).start()
    try:
        while True:
            batch = [came.get()]
            time.sleep(_TOGETHER_S)
            while not came.empty():
                batch.append(came.get())
            yield from sorted(batch)
    finally:
        over.set()


def parse(machine: str, line: str) -> LogLine | None:
    """Return the entry in one line of `journalctl --output=json`; None if it is none."""
    try:
        fields = json.loads(line)
        message = fields["MESSAGE"]
        # What does not print comes as a list of bytes.
        text = message if isinstance(message, str) else bytes(message).decode(errors="replace")
        unit = fields.get("UNIT") or fields.get("_SYSTEMD_UNIT", "")
        at_us, cursor = int(fields["__REALTIME_TIMESTAMP"]), str(fields["__CURSOR"])
        return LogLine(at_us, machine, str(unit), text, cursor)
    except (ValueError, KeyError, TypeError):
        return None


def _follow_one(
    machine: Machine,
    unit: str | None,
    cursor: str,
    lines: int,
    put: Callable[[LogLine], None],
    say: Callable[[str], None],
    over: threading.Event,
) -> None:
    silent = False

    def take(line: str) -> None:
        nonlocal cursor, silent
        entry = parse(machine.name, line)
        if entry:
            cursor, silent = entry.cursor, False
            put(entry)

    while not over.is_set():
        # Not from a time: the machine's clock may be wrong.
        begin = ["--no-tail", f"--after-cursor={cursor}"] if cursor else [f"--lines={lines}"]
        argv = _as_json(unit, "--follow", *begin)
        ended = remote.stream(machine, argv, take, quiet=True)
        if ended == _SSH_FAILED and not silent:
            say(f"({machine.name} does not answer; waiting for it)")
            silent = True
        over.wait(_AGAIN_S)


def _as_json(unit: str | None, *words: str) -> list[str]:
    fields = "--output-fields=MESSAGE,_SYSTEMD_UNIT,UNIT"
    return [*_JOURNALCTL, "--output=json", fields, *_chosen(unit, tuple(SPEAKERS)), *words]


def _chosen(unit: str | None, known: Sequence[str]) -> list[str]:
    return [f"--unit={name}" for name in ([unit] if unit else known)]


def _answers(machines: Sequence[Machine], argv: Sequence[str]) -> list[str]:
    """What `argv` says where it succeeds: journalctl of a pattern that nothing matches fails."""
    said = remote.run_all(machines, argv, timeout_s=deadline_s(_ASK_S)).values()
    silent = [one for one in said if isinstance(one, NodeUnreachable)]
    if len(silent) == len(machines):
        raise silent[0]
    return [one for one in said if not isinstance(one, LabError)]
