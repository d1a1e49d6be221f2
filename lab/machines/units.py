"""What systemd says about the lab's units on one machine: one cheap command, and its parser."""

from collections.abc import Sequence
from typing import NamedTuple

# What the demonstration calls the container that was never asked for.
FAKE = "fake"
# role of a machine -> mode -> what its target starts there.
SERVICES: dict[str, dict[str, tuple[str, ...]]] = {
    "api": {
        "push": ("push-api.service",),
        "pull": ("pull-api.service", "pull-scheduler.timer", "pull-node-controller.timer"),
    },
    "node": {"pull": ("pull-agent.timer",)},
}
# Programs that their timers begin again and again, and that watch in between.
PASSES = ("pull-scheduler.service", "pull-node-controller.service", "pull-agent.service")
# One process for everything: a guest under emulation takes 70 ms to start one.
ANY = (
    "systemctl",
    "list-units",
    "--all",
    "--plain",
    "--no-legend",
    "--no-pager",
)
LIST = (*ANY, "push-*", "pull-*", "push.target", "pull.target")


class Unit(NamedTuple):
    """A unit as systemctl lists it. active: active, failed, inactive, activating …"""

    name: str
    active: str
    sub: str


def parse(text: str) -> tuple[Unit, ...]:
    """Return the loaded units in the output of LIST, in its order.

    Units that something refers to but that have no file (`not-found`) are left out.
    """
    rows = [line.split(None, 4) for line in text.splitlines()]
    return tuple(
        Unit(row[0], row[2], row[3]) for row in rows if len(row) > 3 and row[1] == "loaded"
    )


def properties(text: str) -> list[dict[str, str]]:
    """Return property -> value for each unit in the output of `systemctl show`, in its order."""
    blocks = text.strip().split("\n\n")
    return [dict(line.partition("=")[::2] for line in block.splitlines()) for block in blocks]


def containers(units: tuple[Unit, ...], mode: str) -> tuple[str, ...]:
    """Return the names of the containers of `mode` that serve, sorted."""
    prefix = f"{mode}-container@"
    return tuple(
        sorted(
            unit.name.removeprefix(prefix).removesuffix(".service")
            for unit in units
            if unit.name.startswith(prefix) and unit.active == "active"
        )
    )


def services(units: tuple[Unit, ...], role: str, modes: Sequence[str]) -> tuple[Unit, ...]:
    """Return what a machine of `role` runs for `modes`, loaded or not, and whatever failed.

    A one-pass program between two passes is inactive, which says nothing: its timer stands for it.
    """
    known = {unit.name: unit for unit in units}
    expected = [name for mode in modes for name in SERVICES[role].get(mode, ())]
    failed = [unit for unit in units if unit.active == "failed" and "-container@" not in unit.name]
    found = [known.get(name, Unit(name, "absent", "")) for name in expected]
    return (*found, *(unit for unit in failed if unit not in found))


def active_modes(units: tuple[Unit, ...], modes: list[str]) -> list[str]:
    """Return those of `modes` whose target is active."""
    active = {unit.name for unit in units if unit.active == "active"}
    return [mode for mode in modes if f"{mode}.target" in active]


def container_unit(mode: str, name: str) -> str:
    """Return the unit of container `name`, which must be a label."""
    return f"{mode}-container@{name}.service"
