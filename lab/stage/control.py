"""What the page may break, and the command that each click stands for."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.faults.catalogue import CATALOGUE, find
from lab.faults.plan import API, complete, typed
from services.core.errors import LabError

HEAL = "heal"
_HEAL = {"name": HEAL, "aims": "the lab", "summary": "Undo every fault."}


def faults() -> list[dict[str, Any]]:
    """Return what a page shows on its menus."""
    rows = [(fault.name, fault.aims, fault.summary) for fault in CATALOGUE.values()]
    return [*(dict(zip(_HEAL, row, strict=True)) for row in rows), _HEAL]


def words(fault: str, target: str, options: Mapping[str, str]) -> list[str]:
    """Return the words of the command that hits `target` so. Raises LabError.

    An option that has to be given, and is not, is that of the fault's own example.
    """
    if fault == HEAL:
        return ["lab", "heal"]
    found = find(fault)
    example = shlex.split(found.example)
    needed = {
        key.removeprefix("--"): value
        for key, value in zip(example[::2], example[1::2], strict=True)
    }
    given = {**needed, **options}
    complete(found, given)
    if (found.aims != API and not target) or target.startswith("-"):
        raise LabError(f"{fault} of which machine?", hint=f"lab chaos {fault} --help")
    return typed(found, target, given)


class Control:
    """Breaks the lab for a page. perform: runs the words of a command; raises LabError."""

    def __init__(self, perform: Callable[[Sequence[str]], None]) -> None:
        self._perform = perform

    def command(self, fault: str, target: str, options: Mapping[str, str]) -> str:
        """Return what a person would type. Raises LabError."""
        return shlex.join(words(fault, target, options))

    def strike(self, fault: str, target: str, options: Mapping[str, str]) -> str:
        """Do it, and return the command. Raises LabError."""
        command = words(fault, target, options)
        self._perform(command)
        return shlex.join(command)
