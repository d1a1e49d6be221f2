"""Begin a measurement at a chosen moment of a loop, and read what its node says of a unit.

A loop that turns every 5 s corrects a fault after anything from 0 to 5 s. Whoever measures right
after a pass, every time, gets the same figure every time, and not the median.
"""

import time

from lab.demo import timing
from lab.demo.stage import Stage
from lab.speed import deadline_s
from lab.units import properties
from lab.waiting import until
from provisioning.topology import Machine

_EVERY_S = 0.1


def fraction(run: int, runs: int) -> float:
    """Return at which part of the period run `run` of `runs` (from 1) begins: spread evenly."""
    return (run - 0.5) / runs


def await_phase(stage: Stage, machine: Machine, service: str, wait_s: float) -> None:
    """Return `wait_s` after a pass of `service` on `machine` ended; exact to a look over SSH."""
    before = last_pass(stage, machine, service)

    def ended() -> bool:
        return last_pass(stage, machine, service) not in ("", before)

    limit_s = deadline_s(timing.healing_s(stage.profile))
    until(ended, f"a pass of {service} ends", timeout_s=limit_s, every_s=_EVERY_S)
    time.sleep(wait_s)


def last_pass(stage: Stage, machine: Machine, service: str) -> str:
    """Return the id of the pass of `service` that ended last; empty while one is under way."""
    show = ["systemctl", "show", "--property=InvocationID,ActiveState", service]
    (fields,) = properties(stage.command(machine, *show))
    return fields.get("InvocationID", "") if fields.get("ActiveState") == "inactive" else ""


def lived_s(journal: str) -> float | None:
    """Return the seconds from the first to the last of systemd's lines about one unit.

    journal: as of `journalctl --output=short-unix --unit=...`, from before the unit's start.
    None: it does not tell of a start and of a stop after it.
    """
    told = [line.split(None, 2) for line in journal.splitlines() if " systemd[1]: " in line]
    starts = [float(at_s) for at_s, _, words in told if "Starting " in words]
    stops = [float(at_s) for at_s, _, words in told if "Stopped " in words]
    return stops[-1] - starts[0] if starts and stops else None
