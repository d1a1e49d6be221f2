"""`lab logs`: the journal of the lab's units, on one machine or on all of them."""

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from lab.terminal.params import MACHINE
from lab.terminal.table import echo, echo_labelled
from provisioning import topology
from services.core.errors import LabError

if TYPE_CHECKING:
    from lab.machines.journal import LogLine

_COLOURS = {
    "push": "yellow",
    "pull": "magenta",
    "scheduler": "blue",
    "controller": "cyan",
    "agent": "green",
}


@click.command()
@click.argument("name", type=MACHINE, metavar="[NAME]", required=False)
@click.option("--all", "everywhere", is_flag=True, help="All machines, in the order of time.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines come in.")
@click.option(
    "--unit", metavar="UNIT", help="Only this unit; a pattern such as 'pull-agent*' works."
)
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=50, show_default=True, help="Last lines."
)
@click.pass_context
def logs(
    ctx: click.Context,
    name: str | None,
    everywhere: bool,
    follow: bool,
    unit: str | None,
    lines: int,
) -> None:
    """Print the journal of the lab's units on machine NAME, with control characters escaped.

    With --all: what the agents, the scheduler, the node controller and both APIs say, on all
    machines, each line with its time in UTC and who says it, in colour on a terminal.

    \b
    lab logs --all -f                       in a second terminal, while you break things
    lab logs node1 -f                       what the agent does, as it does it
    lab logs api --unit pull-scheduler      where containers were placed, and why
    """
    from lab.machines import journal, power, remote

    lab = topology.load()
    if everywhere == bool(name):
        raise click.UsageError("give the NAME of one machine, or --all")
    if name:
        power.check_running(lab, name)
    machines = [lab.machine(name)] if name else list(lab.machines)
    if unit is not None and not journal.speaks_of(machines, unit):
        none = f"{name} has no unit {unit!r}, and had none" if name else f"no unit is {unit!r}"
        known = ", ".join(journal.units_on(machines))
        raise LabError(none, hint=f"there are: {known}" if known else "lab up both")
    if name is None:
        follow_all(lab, unit, lines, follow=follow)
        return
    ctx.exit(remote.stream(machines[0], journal.command(unit, lines, follow=follow), echo))


def follow_all(lab: topology.Topology, unit: str | None, lines: int, *, follow: bool) -> None:
    """Print the last `lines` of all machines, and then what comes, if `follow`."""
    from lab.machines import journal

    found = journal.latest(lab.machines, unit, lines)
    for error in found.silent.values():
        echo(f"({error})", err=True)
    for entry in found.entries:
        tell(entry)
    if follow:
        say = partial(echo, err=True)
        for entry in journal.follow(lab.machines, unit, found.cursors, lines, say):
            tell(entry)


def tell(entry: "LogLine") -> None:
    """Print `entry`: time of day in UTC, machine, who speaks, what."""
    from lab.machines.journal import SPEAKERS

    at = datetime.fromtimestamp(entry.at_us / 1e6, UTC).strftime("%H:%M:%S.%f")[:12]
    who = SPEAKERS.get(entry.unit, entry.unit.removesuffix(".service"))
    label = f"{at}  {entry.machine:<6} {who:<10}"
    echo_labelled(label, _COLOURS.get(who, "white"), entry.text)
