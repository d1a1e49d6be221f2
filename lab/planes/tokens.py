"""Bring the nodes' tokens to where they belong, and replace them while the lab runs.

A node holds its token, the API machine the SHA-256 of every valid one. The server learns of a new
token before a node uses it, and forgets the old one when the node has the new: at no moment is an
agent turned away. Secrets travel through standard input; on command lines are only their digests.
"""

from collections.abc import Callable, Mapping, Sequence

from lab.host import tokens
from lab.host.speed import deadline_s
from lab.machines import remote
from provisioning.topology import Machine, Topology

ON_NODE = "/etc/lab/token"
ON_API = "/etc/lab/tokens.json"
# Root reads everything; the state server's own user reads this.
_API_USER = "lab-pull"
_COMMAND_S = 10.0
# What a machine has of it, to look for in its answer; no file is an answer, too.
LOOK = f"{{ sha256sum {ON_NODE} {ON_API} 2>/dev/null || :; }}"

Say = Callable[[str], None]


def settle(topology: Topology, held: Mapping[str, str], say: Say) -> list[str]:
    """Give every machine what it lacks, finish replacements that were begun, and say who changed.

    held: machine name -> what LOOK printed there. Idempotent; interrupted, the next one goes on.
    """
    names = [node.name for node in topology.nodes]
    tokens.ensure(names)
    changed = []
    table = tokens.accepted(names)
    if tokens.digest(table) not in held[topology.api.name].split():
        changed += _to_api(topology, table)
    lacking = [
        node
        for node in topology.nodes
        if tokens.digest(tokens.of(node.name)) not in held[node.name].split()
    ]
    changed += _to_nodes(lacking)
    if changed:
        say(f"tokens: {', '.join(changed)}")
    _finish(topology, tokens.begun(names))
    return changed


def rotate(topology: Topology, nodes: Sequence[Machine], say: Say) -> None:
    """Replace the tokens of `nodes` without turning one away. Interrupted, it may be repeated."""
    names = [node.name for node in topology.nodes]
    tokens.ensure(names)
    for node in nodes:
        tokens.begin(node.name)
    _to_api(topology, tokens.accepted(names))
    say("the state server accepts the old tokens and the new ones")
    _to_nodes(nodes)
    say(f"new token: {', '.join(node.name for node in nodes)}")
    _finish(topology, [node.name for node in nodes])
    say("the state server has forgotten the old ones")


def _finish(topology: Topology, names: Sequence[str]) -> None:
    """Forget the old tokens of `names`, which have the new ones."""
    for name in names:
        tokens.finish(name)
    if names:
        _to_api(topology, tokens.accepted(node.name for node in topology.nodes))


def _to_api(topology: Topology, table: str) -> list[str]:
    _write([topology.api], ON_API, _API_USER, {topology.api.name: table})
    return [topology.api.name]


def _to_nodes(nodes: Sequence[Machine]) -> list[str]:
    texts = {node.name: tokens.of(node.name) for node in nodes}
    _write(nodes, ON_NODE, "root", texts)
    return list(texts)


def _write(machines: Sequence[Machine], path: str, owner: str, texts: Mapping[str, str]) -> None:
    limit_s = deadline_s(_COMMAND_S)
    commands = {
        machine.name: ["sh", "-c", install(path, owner, tokens.digest(texts[machine.name]))]
        for machine in machines
    }
    data = {name: text.encode() for name, text in texts.items()}
    remote.run_each(machines, commands, timeout_s=limit_s, data=data)


def install(path: str, owner: str, digest: str) -> str:
    """Return the shell script that makes its standard input the file `path`, of `owner` alone.

    Whole or not at all, also when the connection breaks or the plug is pulled right after.
    digest: SHA-256 of what should arrive.
    """
    part = f"{path}.new"
    return (
        f"umask 077 && cat > {part} && echo '{digest}  {part}' | sha256sum --check --status && "
        f"chown {owner} {part} && sync {part} && mv {part} {path} && sync {path}"
    )
