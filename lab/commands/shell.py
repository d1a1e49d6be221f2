"""`lab ssh` and `lab logs`: the terminal goes to a machine."""

import click

from lab.terminal.params import MACHINE
from lab.terminal.table import echo
from provisioning import topology

UNITS = ("push-*", "pull-*", "push.target", "pull.target")


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("name", type=MACHINE, metavar="NAME")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def ssh(ctx: click.Context, name: str, command: tuple[str, ...]) -> None:
    """Open a root shell on machine NAME, or run COMMAND there.

    Ends with the exit code of the shell or the command.

    \b
    lab ssh node1
    lab ssh node1 -- systemctl list-units 'pull-container@*'
    """
    from lab.machines import remote

    words = command[1:] if command[:1] == ("--",) else command
    ctx.exit(remote.interactive(topology.load().machine(name), words))


@click.command()
@click.argument("name", type=MACHINE, metavar="NAME")
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines come in.")
@click.option(
    "--unit", metavar="UNIT", help="Only this unit; a pattern such as 'pull-agent*' works."
)
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=50, show_default=True, help="Last lines."
)
@click.pass_context
def logs(ctx: click.Context, name: str, follow: bool, unit: str | None, lines: int) -> None:
    """Print the journal of the lab's units on machine NAME, with control characters escaped.

    \b
    lab logs node1 -f                       what the agent does, as it does it
    lab logs api --unit pull-scheduler      where containers were placed, and why
    """
    from lab.machines import remote

    argv = journal(unit, lines, follow=follow)
    ctx.exit(remote.stream(topology.load().machine(name), argv, echo))


def journal(unit: str | None, lines: int, *, follow: bool) -> list[str]:
    """Return the journalctl command that shows `unit` (None: all of ours)."""
    units = [f"--unit={name}" for name in ([unit] if unit else UNITS)]
    end = ["--follow"] if follow else []
    return [
        "journalctl",
        # Also what does not print: without this it shows only how long that is.
        "--all",
        "--no-pager",
        "--quiet",
        "--no-hostname",
        f"--lines={lines}",
        *units,
        *end,
    ]
