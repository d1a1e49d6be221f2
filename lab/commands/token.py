"""`lab token`: the secrets by which the state server knows its nodes."""

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import NODE
from provisioning import topology


@click.group()
def token() -> None:
    """The secrets by which the state server knows its nodes.

    Each node has one (/etc/lab/token, root's alone). With it a node may read its own assignment
    and write its own status, and nothing else; the state server keeps only its SHA-256.
    `lab up` makes them and brings them to the machines.
    """


@token.command()
@click.argument("nodes", type=NODE, nargs=-1, metavar="[NODE...]")
def rotate(nodes: tuple[str, ...]) -> None:
    """Replace the tokens of the NODEs, or of all, while everything goes on running.

    The state server accepts old and new until a node has its new one. Interrupted, or with a
    node that is off, it is finished by the next `lab up` or by doing it again.

    \b
    lab token rotate
    lab token rotate node1
    """
    from lab.planes import tokens
    from lab.terminal import lock

    lab = topology.load()
    names = nodes or tuple(node.name for node in lab.nodes)
    progress = watched()
    with lock.locked("lab token rotate"), progress.phase("rotate"):
        tokens.rotate(lab, [node for node in lab.nodes if node.name in names], progress)
