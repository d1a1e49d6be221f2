"""`lab chaos` and `lab heal`: break the lab on purpose, and mend it."""

import click

from lab.bringup.watchdog import watched
from lab.commands.faults import command
from lab.faults.catalogue import CATALOGUE
from lab.terminal.params import BOTH, MODE, NODE, dry_run_option
from lab.terminal.table import echo, render
from provisioning import topology

mode_option = click.option(
    "--mode",
    type=MODE,
    default=BOTH,
    show_default=True,
    metavar="push|pull|both",
    help="Which control plane; both means every one that is on.",
)


@click.group()
def chaos() -> None:
    """Break the lab on purpose. `lab heal` undoes all of it.

    \b
    lab chaos list                              every fault
    lab chaos halt node1                        its plug is pulled; who notices?
    lab chaos partition minority --for 30s      by a rule; it ends by itself
    lab chaos stop-api --dry-run                what that would do, as you would type it
    """


@chaos.command("list")
def list_faults() -> None:
    """Print every fault, what it aims at and what it does."""
    rows = [(fault.name, fault.aims, fault.summary) for fault in CATALOGUE.values()]
    echo(render(("FAULT", "AIMS AT", "WHAT IT DOES"), rows))


@chaos.command()
@click.argument("node", type=NODE, metavar="NODE")
def start(node: str) -> None:
    """Boot NODE again, and return once it answers."""
    from lab.faults import chaos as faults
    from lab.faults import mend
    from lab.terminal import lock

    lab = topology.load()
    progress = watched()
    with lock.locked(f"lab chaos start {node}"), progress.phase(f"boot {node}"):
        faults.start(lab, node)
        mend.settle(lab, progress)


@chaos.command("start-api")
@mode_option
def start_api(mode: str) -> None:
    """Start the API service again, and return once it serves."""
    from lab.faults import chaos as faults
    from lab.faults import mend
    from lab.planes import modes
    from lab.terminal import lock

    lab = topology.load()
    progress = watched()
    with lock.locked("lab chaos start-api"):
        chosen = modes.pick(mode, modes.on(lab))
        with progress.phase(f"start the API of {' and '.join(chosen)}"):
            faults.start_api(lab, chosen)
            mend.settle(lab, progress)


for _fault in CATALOGUE.values():
    chaos.add_command(command(_fault))


@click.command()
@dry_run_option
def heal(dry_run: bool) -> None:
    """Undo what faults did: boot what is off, start what is stopped, remove what they left.

    Also resumes paused VMs, sets wrong clocks, and restarts what the lab runs on this computer.
    Undoes what the ledger names, and finds traces of what it does not name: may run at any time,
    and deletes nothing that you declared. What push lost stays lost: it has no list of what should
    run.

    Push's container `fake` is always stopped, also if you started it: it is the name for
    corrupting a node by hand, and push would never stop it. Choose other names for your own.
    """
    from lab.faults import heal as mend
    from lab.terminal import lock

    if dry_run:
        echo("\n".join(map(str, mend.decide(mend.look_at(topology.load())))))
        return
    progress = watched()
    with lock.locked("lab heal"), progress.phase("heal"):
        mend.heal(topology.load(), progress)
