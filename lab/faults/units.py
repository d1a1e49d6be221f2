"""Faults of single units of systemd: killed, or stopped."""

import re
from collections.abc import Mapping

from lab.faults.plan import (
    MACHINES,
    MODE,
    NODES,
    PREFIX,
    Command,
    Fault,
    Option,
    Plan,
    is_running,
    label,
    said_since,
    shell,
)
from lab.machines.units import PASSES, container_unit
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

# Of a unit that imports Fabric, with KVM.
START_S = 20.0
_PERIOD_S = 7.0
_STOPPED = "inactive|failed"
# Without these there is no way in, and no undoing.
_NEEDED = re.compile(r"(sshd?|ssh@.*|systemd-.*|dbus|lab-(undo|fault)-.*|lab-standstill)\.\w+")
_UNIT = re.compile(r"[A-Za-z0-9:_.@-]{1,200}\.(service|timer|socket)")


def kill_unit(_: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Kill all processes of a unit."""
    # A program of one pass runs again and again.
    return _kill(machine, [options["unit"]])._replace(needs_s=_PERIOD_S)


def kill_container(_: Topology, node: Machine, options: Mapping[str, str]) -> Plan:
    """Kill all processes of a container, in each of its modes."""
    return _kill(node, [container_unit(m, options["name"]) for m in options["mode"].split(",")])


def _kill(machine: Machine, units: list[str]) -> Plan:
    mark = f"/run/{PREFIX}.killed-{units[0]}"
    return Plan(
        act=(
            Command(machine.name, ("touch", mark)),
            Command(machine.name, ("systemctl", "kill", "--signal=KILL", *units)),
        ),
        undo=(Command(machine.name, ("rm", "-f", mark)),),
        bites=tuple(
            shell(machine.name, f'{said_since(mark)} --unit={unit} | grep "code=killed.*9/KILL"')
            for unit in units
        ),
        gone=(Command(machine.name, ("test", "!", "-e", mark), f"{mark} is there"),),
        needs=tuple(_running(machine, unit) for unit in units),
    )


def stop_unit(_: Topology, machine: Machine, options: Mapping[str, str]) -> Plan:
    """Stop a unit. Raises LabError for one that is not a unit's to stop: see the hints."""
    unit = options["unit"]
    if unit in PASSES:
        timer = unit.replace(".service", ".timer")
        raise LabError(
            f"{unit} is begun again by its timer at once", hint=f"stop that: --unit {timer}"
        )
    if "-container@" in unit:
        raise LabError(
            f"{unit} is a container: undoing would start it, wanted or not",
            hint="lab chaos kill-container; or take it away through an API",
        )
    return stopped(machine, [unit])


def stopped(machine: Machine, units: list[str]) -> Plan:
    """Return the plan that stops `units`, which must run."""
    run = tuple(_running(machine, unit) for unit in units)
    starts = (f"{_if_on(unit)}systemctl start {unit}" for unit in units)
    runs = (f"{_if_on(unit)}{check.text}" for unit, check in zip(units, run, strict=True))
    return Plan(
        act=(Command(machine.name, ("systemctl", "stop", *units), timeout_s=START_S),),
        undo=tuple(shell(machine.name, start, timeout_s=START_S) for start in starts),
        # Not one that is still ending, nor one that something starts again.
        bites=(
            shell(
                machine.name, f'! systemctl is-active {" ".join(units)} | grep -Evx "{_STOPPED}"'
            ),
        ),
        gone=tuple(shell(machine.name, script, run[0].why) for script in runs),
        needs=run,
        gone_s=START_S,
    )


def _if_on(unit: str) -> str:
    """Of a mode that was switched off meanwhile nothing is to run."""
    mode = re.match(r"push|pull", unit)
    return f"! systemctl is-active --quiet {mode[0]}.target || " if mode else ""


def _running(machine: Machine, unit: str) -> Command:
    return shell(machine.name, is_running(unit), f"{unit} does not run on {machine.name}")


def _unit(value: str) -> str:
    if not _UNIT.fullmatch(value):
        raise LabError(
            f"{value!r} is not the name of a service, a timer or a socket",
            hint="for example pull-agent.service; all: lab ssh node1 systemctl list-units",
        )
    if _NEEDED.fullmatch(value):
        raise LabError(
            f"{value} is what `lab` gets in by, and what undoes faults; it is left alone",
            hint="to silence a whole machine: lab chaos pause NODE, lab chaos cut NODE",
        )
    return value


_NAME = Option("unit", None, "UNIT", "Its whole name, such as pull-agent.timer.", _unit)

FAULTS = (
    Fault(
        "kill-unit",
        "kill -9 everything that a unit runs.",
        MACHINES,
        (_NAME,),
        kill_unit,
        "Over at once: whether it starts again is up to systemd and the timers.",
        "--unit pull-agent.service",
        momentary=True,
    ),
    Fault(
        "stop-unit",
        "Stop a service, a timer or a socket.",
        MACHINES,
        (_NAME,),
        stop_unit,
        "A timer that stops leaves its service as it is, which may run on for a while.",
        "--unit pull-agent.timer",
    ),
    Fault(
        "kill-container",
        "kill -9 one container on a node.",
        NODES,
        (Option("name", None, "NAME", "Which container.", label), MODE),
        kill_container,
        "Over at once: pull's agent starts it again, push does not.",
        "--name web --mode pull",
        momentary=True,
    ),
)
