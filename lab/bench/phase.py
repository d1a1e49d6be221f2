"""Begin a measurement at a chosen moment of a loop, and read what its node says of a unit.

A loop that turns every 5 s corrects a fault after anything from 0 to 5 s. A measurement
that always begins right after a pass gives the same figure every time, and not the median. A loop
that watches is quick but for the moment between two passes; that moment must count as often as it
occurs.
"""

import time

from lab.bench.playground import Playground
from lab.host.speed import deadline_s
from lab.machines.units import properties
from provisioning.topology import Machine
from services.core.errors import LabError

# What a pass takes beside its watch, with KVM.
_PASS_S = 0.2


def fraction(run: int, runs: int) -> float:
    """Return at which part of the cycle run `run` of `runs` (from 1) begins: spread evenly."""
    return (run - 0.5) / runs


def await_phase(
    playground: Playground, machine: Machine, service: str, part: float, period_s: float
) -> None:
    """Return when `part` of a cycle of `service` on `machine` is over: period, watch and pass.

    One look over SSH before it, none within it: the machine's own clock says when the pass under
    way, or the last one, began. Exact to that look and to what passes differ in length.
    """
    cycle_s = period_s + playground.profile.watch_s + deadline_s(_PASS_S)
    began_s = since_start_s(playground, machine, service)
    if began_s > 3 * cycle_s + deadline_s(10):
        raise LabError(
            f"{service} on {machine.name} last began {began_s:.0f} s ago: its timer does not "
            "start it",
            hint="lab heal, then again",
        )
    time.sleep((part * cycle_s - began_s) % cycle_s)


def since_start_s(playground: Playground, machine: Machine, service: str) -> float:
    """Return how many seconds ago a pass of `service` began on `machine`, by its own clock."""
    show = f"systemctl show --property=InactiveExitTimestampMonotonic {service}"
    said = playground.command(machine, "sh", "-c", f"{show} && cat /proc/uptime")
    first, _, uptime = said.strip().partition("\n")
    (fields,) = properties(first)
    return float(uptime.split()[0]) - int(fields["InactiveExitTimestampMonotonic"]) / 1e6


def lived_s(journal: str) -> float | None:
    """Return the seconds from the first to the last of systemd's lines about one unit.

    journal: as of `journalctl --output=short-unix --unit=...`, from before the unit's start.
    None: there is no start with a stop after it.
    """
    said = [line.split(None, 2) for line in journal.splitlines() if " systemd[1]: " in line]
    starts = [float(at_s) for at_s, _, words in said if "Starting " in words]
    stops = [float(at_s) for at_s, _, words in said if "Stopped " in words]
    return stops[-1] - starts[0] if starts and stops else None
