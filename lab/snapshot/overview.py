"""The saved labs of a store, as a table or as JSON."""

from datetime import datetime
from typing import NamedTuple

from lab.snapshot.store import Store
from lab.terminal.table import echo, echo_json, render
from services.core.errors import LabError

_MIB = 1024 * 1024


class Row(NamedTuple):
    """One state. off: the machines that were off. note: or what is wrong with it."""

    name: str
    saved: str
    modes: tuple[str, ...]
    off: tuple[str, ...]
    mib: int
    note: str


def table(labs: Store, *, as_json: bool) -> None:
    """Print every state in `labs`; a damaged one says so in place of its note."""
    found = [_row(labs, name) for name in labs.names()]
    if as_json:
        echo_json([row._asdict() for row in found])
        return
    rows = [
        (r.name, r.saved, "+".join(r.modes), ", ".join(r.off), str(r.mib), r.note) for r in found
    ]
    echo(render(("name", "saved", "modes", "off", "MiB", "note"), rows))


def _row(labs: Store, name: str) -> Row:
    try:
        state = labs.read(name)
    except LabError as error:
        return Row(name, "-", (), (), 0, str(error))
    at = datetime.fromtimestamp(state.at_s).astimezone()
    off = tuple(machine.name for machine in state.machines if not machine.running)
    saved = at.isoformat(" ", "seconds")
    return Row(name, saved, state.modes, off, state.size // _MIB, state.note)
