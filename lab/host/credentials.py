"""What a new machine is given for its first boot, beside its keys: its token, and what to start.

The guest's side is `lab-first`. It saves a whole `lab up` the wait for a login, and lets services
start while the other machines still boot.
"""

from collections.abc import Sequence

from lab.host import tokens
from provisioning.guest import source
from provisioning.topology import Topology


def credentials(topology: Topology, modes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return machine -> name -> content of the system credentials for its first boot.

    modes: what it starts, if the box has the code of this checkout; the code's digest goes along.
    """
    names = [node.name for node in topology.nodes]
    tokens.ensure(names)
    first = {"lab.first": " ".join([source.digest(), *modes]) + "\n"}
    given = {name: first | {"lab.token": tokens.of(name)} for name in names}
    return given | {topology.api.name: first | {"lab.tokens": tokens.accepted(names)}}
