"""`lab ssh`: the terminal goes to a machine."""

import click

from lab.terminal.params import MACHINE
from provisioning import topology


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("name", type=MACHINE, metavar="NAME")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def ssh(ctx: click.Context, name: str, command: tuple[str, ...]) -> None:
    """Open a root shell on machine NAME, or run COMMAND there.

    As with ssh(1), the words of COMMAND are joined by spaces and read by the shell there, and the
    exit code is the command's. COMMAND gets a terminal where there is one here.

    \b
    lab ssh node1
    lab ssh node1 -- top
    lab ssh node1 'systemctl list-units "pull-*" | wc -l'
    """
    from lab.machines import power, remote

    lab = topology.load()
    words = command[1:] if command[:1] == ("--",) else command
    power.check_running(lab, name)
    ctx.exit(remote.interactive(lab.machine(name), " ".join(words)))
