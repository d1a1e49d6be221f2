"""`lab chaos` and `lab heal`: break the lab on purpose, and mend it."""

import click

from lab.params import BOTH, MODE, NODE
from lab.progress import Progress
from lab.units import FAKE
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
    lab chaos halt node1        the node fails; who notices?
    lab chaos stop-api          nobody answers; who goes on working?
    lab chaos corrupt node2     a container that nobody asked for
    """


@chaos.command()
@click.argument("node", type=NODE, metavar="NODE")
@click.option("--cut", is_flag=True, help="Pull the plug instead of shutting down.")
def halt(node: str, cut: bool) -> None:
    """Shut NODE down. The same as `vagrant halt NODE`."""
    from lab import chaos as faults
    from lab import lock

    progress = Progress()
    with lock.held(f"lab chaos halt {node}"), progress.phase(f"halt {node}"):
        faults.halt(node, cut=cut)


@chaos.command()
@click.argument("node", type=NODE, metavar="NODE")
def start(node: str) -> None:
    """Boot NODE again, and return once it answers."""
    from lab import lock
    from lab.provider import vagrant

    progress = Progress()
    with lock.held(f"lab chaos start {node}"), progress.phase(f"boot {node}"):
        vagrant.start(node)


@chaos.command("stop-api")
@mode_option
def stop_api(mode: str) -> None:
    """Stop the API service; containers, agents and timers stay."""
    from lab import chaos as faults
    from lab import lock, modes

    lab = topology.load()
    with lock.held("lab chaos stop-api"):
        chosen = modes.pick(mode, modes.on(lab))
        with Progress().phase(f"stop the API of {' and '.join(chosen)}"):
            faults.stop_api(lab, chosen)


@chaos.command("start-api")
@mode_option
def start_api(mode: str) -> None:
    """Start the API service again, and return once it serves."""
    from lab import chaos as faults
    from lab import lock, modes

    lab = topology.load()
    with lock.held("lab chaos start-api"):
        chosen = modes.pick(mode, modes.on(lab))
        with Progress().phase(f"start the API of {' and '.join(chosen)}"):
            faults.start_api(lab, chosen)


@chaos.command()
@click.argument("node", type=NODE, metavar="NODE")
@click.option("--name", default=FAKE, show_default=True, help="What the stray container is called.")
@mode_option
def corrupt(node: str, name: str, mode: str) -> None:
    """Start a container on NODE by hand, behind the control plane's back."""
    from lab import chaos as faults
    from lab import lock, modes

    lab = topology.load()
    with lock.held(f"lab chaos corrupt {node}"):
        chosen = modes.pick(mode, modes.on(lab))
        with Progress().phase(f"start {name!r} on {node} in {' and '.join(chosen)}"):
            faults.corrupt(lab.node(node), name, chosen)


@click.command()
def heal() -> None:
    """Boot what is halted, start what is stopped, remove what `lab chaos corrupt` left.

    Needs no memory of what was broken, may run at any time, and deletes nothing that you
    declared. What push lost stays lost: it keeps no list of what should run.
    """
    from lab import heal as mend
    from lab import lock

    progress = Progress()
    with lock.held("lab heal"), progress.phase("heal"):
        mend.heal(topology.load(), progress)
