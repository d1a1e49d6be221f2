"""`lab cordon`, `lab uncordon`, `lab drain`, `lab forget`: take a node out of service."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import NODE
from lab.terminal.table import echo
from provisioning import topology


@click.command()
@click.argument("node", type=NODE, metavar="NODE")
def cordon(node: str) -> None:
    """Keep new containers off NODE; what it runs goes on running.

    \b
    lab cordon node1                        as curl says it:
    curl -X PATCH localhost:8081/api/nodes/node1 \\
      -H "Content-Type: application/json" -d '{"cordoned": true}'
    """
    from lab.planes import modes
    from lab.planes.client import connect

    lab = topology.load()
    with modes.about_pull(lab):
        connect(lab)[1].mark(node, cordoned=True)
    echo(f"{node} gets no new containers; what it has stays (lab drain {node} moves it)")


@click.command()
@click.argument("node", type=NODE, metavar="NODE")
def uncordon(node: str) -> None:
    """Let NODE take containers again; also ends a drain.

    Nothing moves back by itself: the scheduler places only what has no node.
    """
    from lab.planes import modes
    from lab.planes.client import connect

    lab = topology.load()
    with modes.about_pull(lab):
        connect(lab)[1].mark(node, cordoned=False)
    echo(f"{node} takes containers again")


@click.command()
@click.argument("node", type=NODE, metavar="NODE")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until it is empty.",
)
def drain(node: str, timeout_s: float) -> None:
    """Move everything off NODE, keep new containers off it, and return once it is empty.

    The node controller takes its containers off it, the scheduler places them elsewhere, the
    agents start and stop: the same loops that heal, on request. NODE stays cordoned.

    \b
    lab drain node1 && lab chaos halt node1      a shutdown that no client notices
    lab uncordon node1                           back in service
    """
    from lab.planes import drain as emptying
    from lab.planes import modes
    from lab.planes.client import connect

    lab = topology.load()
    progress = watched()
    pull = connect(lab)[1]
    with modes.about_pull(lab), progress.phase(f"drain {node}"):
        had = emptying.drain(pull, node, timeout_s, progress)
        where = {placed.name: placed.node for placed in pull.declared().containers}
    moved = [f"{name} is on {where[name] or 'no node yet'}" for name in had if name in where]
    echo(f"{node} is empty" + (f"; {', '.join(moved)}" if moved else ""))


@click.command()
@click.argument("node", type=NODE, metavar="NODE")
def forget(node: str) -> None:
    """Say that NODE is dead: what it had may run elsewhere, also what must never run twice.

    For a machine that is gone for good. This cannot be taken back: if NODE still runs containers,
    some of them may then run twice. Should it speak again, the state server refuses it until it
    says that it runs nothing.

    \b
    lab forget node1                        as curl says it:
    curl -X DELETE localhost:8081/api/nodes/node1
    """
    from lab.planes import modes
    from lab.planes.client import connect

    lab = topology.load()
    with modes.about_pull(lab):
        connect(lab)[1].forget(node)
    echo(f"{node} counts as dead; what it had is placed elsewhere")
