"""How long each phase of `lab up`, `down` and the like may take, and what to do when one fails.

Pure. lab.bringup.watchdog enforces this table; such a figure is nowhere else.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.core.errors import LabError

# A hint that mends something; other hints say where to look.
_REMEDY = re.compile(r"\b(lab (up|heal|down|reset|box|doctor --fix)|vagrant halt)\b")


class Budget(NamedTuple):
    """What a phase may take. host_s: this machine's own work; guests_s: the guests', with KVM.

    remedy: the mildest command that helps when it failed.
    """

    host_s: float
    guests_s: float
    remedy: str

    def limit_s(self, slowness: float) -> float:
        """Return the seconds that the phase may take here; slowness: of the guests, 1 with KVM."""
        return self.host_s + self.guests_s * slowness


# Some three to ten times what was measured: a phase within it may be slow, another one is stuck.
BUDGETS = {
    # Over the internet, once.
    "box": Budget(3600, 0, "lab box build"),
    # The image of the box is unpacked and handed to libvirt, once.
    "prepare": Budget(240, 0, "lab doctor"),
    "boot": Budget(20, 50, "lab up both"),
    "provision": Budget(10, 60, "lab up both"),
    "switch": Budget(10, 30, "lab up both"),
    "answer": Budget(10, 40, "lab logs api"),
    "clocks": Budget(10, 20, "lab heal"),
    "verify": Budget(180, 0, "lab up both --cold"),
    "thaw": Budget(120, 30, "lab up both"),
    "freeze": Budget(120, 30, "lab up both"),
    "seal": Budget(180, 0, "df -h .lab"),
    "heal": Budget(30, 120, "lab up both"),
    "delete": Budget(150, 0, "lab down"),
    "stop libvirt": Budget(60, 0, "lab down"),
}


class OutOfTime(Exception):
    """A phase that was still at work when its budget was spent.

    No LabError: code that goes on after a LabError, as `lab heal` does, must not go on after this.
    """

    def __init__(self, phase: str, limit_s: float) -> None:
        super().__init__(f"no end within its {limit_s:.0f} s")
        self.phase = phase
        self.limit_s = limit_s


def failed(
    phase: str, spent_s: float, limit_s: float, cause: Exception, consoles: Mapping[str, str]
) -> LabError:
    """Return the error of a phase: which, how long it took of what it had, and what helps.

    phase: a key of BUDGETS, or one with a word more. consoles: machine -> the end of its console.
    """
    found = of(phase)
    return LabError(
        f"{phase} failed after {spent_s:.1f} s of at most {limit_s:.0f} s: {cause}",
        hint=hint(getattr(cause, "hint", ""), consoles, found.remedy if found else ""),
    )


def of(phase: str) -> Budget | None:
    """Return the budget of `phase`: of its name, or of the first word of it (`boot node1`)."""
    return BUDGETS.get(phase) or BUDGETS.get(phase.partition(" ")[0])


def concerned(phase: str, cause: str, machines: Sequence[str]) -> list[str]:
    """Return which of `machines` the error `cause` names; none where `phase` is no guest's work."""
    found = of(phase)
    if found is None or not found.guests_s:
        return []
    # Not the `api` of push-api.service.
    return [name for name in machines if re.search(rf"(?<![\w.-]){name}(?![\w-])", cause)]


def hint(own: str, consoles: Mapping[str, str], remedy: str) -> str:
    """Return what to do next, a line each: the error's own hint, and the ends of consoles.

    The phase's remedy is for an error whose hint has none: one remedy is enough.
    """
    lines = [own] if own else []
    lines += [f"the console of {name} ends with: {end}" for name, end in consoles.items()]
    lines += [f"remedy: {remedy}"] if remedy and not _REMEDY.search(own) else []
    return "\n".join(lines)
