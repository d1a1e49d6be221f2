"""`lab chaos` and `lab heal`: break the lab on purpose, and mend it."""

from collections.abc import Callable, Sequence

import click

from lab.bringup.watchdog import watched
from lab.machines.units import FAKE
from lab.terminal.params import BOTH, MODE, NODE, dry_run_option
from lab.terminal.table import echo
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
    lab chaos halt node1        its plug is pulled; who notices?
    lab chaos stop-api          no API answers; who goes on working?
    lab chaos corrupt node2     a container that no user asked for
    """


@chaos.command()
@click.argument("node", type=NODE, metavar="NODE")
@click.option("--orderly", is_flag=True, help="Shut down instead, as `vagrant halt NODE` does.")
def halt(node: str, orderly: bool) -> None:
    """Pull the plug of NODE: no shutdown, no last word."""
    from lab.faults import chaos as faults
    from lab.terminal import lock

    progress = watched()
    with lock.locked(f"lab chaos halt {node}"), progress.phase(f"halt {node}"):
        faults.halt(topology.load(), node, orderly=orderly)


@chaos.command()
@click.argument("node", type=NODE, metavar="NODE")
def start(node: str) -> None:
    """Boot NODE again, and return once it answers."""
    from lab.faults import chaos as faults
    from lab.terminal import lock

    progress = watched()
    with lock.locked(f"lab chaos start {node}"), progress.phase(f"boot {node}"):
        faults.start(topology.load(), node)


@chaos.command("stop-api")
@mode_option
def stop_api(mode: str) -> None:
    """Stop the API service; containers, agents and timers stay."""
    from lab.faults import chaos as faults

    _switch_api("stop", mode, faults.stop_api)


@chaos.command("start-api")
@mode_option
def start_api(mode: str) -> None:
    """Start the API service again, and return once it serves."""
    from lab.faults import chaos as faults

    _switch_api("start", mode, faults.start_api)


def _switch_api(
    verb: str, mode: str, switch: Callable[[topology.Topology, Sequence[str]], None]
) -> None:
    from lab.planes import modes
    from lab.terminal import lock

    lab = topology.load()
    with lock.locked(f"lab chaos {verb}-api"):
        chosen = modes.pick(mode, modes.on(lab))
        with watched().phase(f"{verb} the API of {' and '.join(chosen)}"):
            switch(lab, chosen)


@chaos.command()
@click.argument("node", type=NODE, metavar="NODE")
@click.option("--name", default=FAKE, show_default=True, help="What the stray container is called.")
@mode_option
def corrupt(node: str, name: str, mode: str) -> None:
    """Start a container on NODE by hand, behind the control plane's back.

    Where one of that name runs on NODE already, it is left alone, also by `lab heal`.
    """
    from lab.faults import chaos as faults
    from lab.planes import modes
    from lab.terminal import lock

    lab = topology.load()
    with lock.locked(f"lab chaos corrupt {node}"):
        chosen = modes.pick(mode, modes.on(lab))
        progress = watched()
        with progress.phase(f"start {name!r} on {node} in {' and '.join(chosen)}"):
            started = faults.corrupt(lab.node(node), name, chosen)
        for other in chosen:
            if other not in started:
                progress(f"{other}: {name!r} runs on {node} already and is left alone")


@click.command()
@dry_run_option
def heal(dry_run: bool) -> None:
    """Boot what is halted, start what is stopped, remove what `lab chaos corrupt` left.

    Also resumes paused VMs, sets wrong clocks, and restarts what the lab runs on this computer.
    Needs no memory of what was broken, may run at any time, and deletes nothing that you
    declared. What push lost stays lost: it has no list of what should run.

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
