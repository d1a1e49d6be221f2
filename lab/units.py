"""What systemd says about the lab's units on one machine: one cheap command, and its parser."""

from typing import NamedTuple

# What the demonstration calls the container that nobody asked for.
FAKE = "fake"
# One process for everything: a guest under emulation takes 70 ms to start one.
LIST = (
    "systemctl",
    "list-units",
    "--all",
    "--plain",
    "--no-legend",
    "--no-pager",
    "push-*",
    "pull-*",
    "push.target",
    "pull.target",
)


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


def services(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Return what is no container and no slice: APIs, timers, and one-pass programs that failed.

    A one-pass program between two passes is inactive, and says nothing about its health.
    """
    return tuple(
        unit
        for unit in units
        if unit.name.endswith((".service", ".timer"))
        and "-container@" not in unit.name
        and (unit.name.endswith((".timer", "-api.service")) or unit.active == "failed")
    )


def active_modes(units: tuple[Unit, ...], modes: list[str]) -> list[str]:
    """Return those of `modes` whose target is active."""
    active = {unit.name for unit in units if unit.active == "active"}
    return [mode for mode in modes if f"{mode}.target" in active]


def container_unit(mode: str, name: str) -> str:
    """Return the unit of container `name`, which must be a label."""
    return f"{mode}-container@{name}.service"
