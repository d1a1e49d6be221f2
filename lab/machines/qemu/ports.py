"""Which ports of localhost lead to which ports of the machines: chosen free, and then stored.

So that `ssh -F .lab/ssh_config node1` stays the same, and two labs on one computer do not meet.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM, socket
from typing import NamedTuple

from lab import files, paths
from provisioning.topology import Topology, host_ports
from services.core.errors import LabError
from services.core.fields import decode

LOOPBACK = "127.0.0.1"
SSH, STANDSTILL = 22, 7979
_KINDS = {"tcp": SOCK_STREAM, "udp": SOCK_DGRAM}


class Forward(NamedTuple):
    """A port of localhost, and the port of a machine's management address where it leads."""

    kind: str
    port: int
    there: int


def of(topology: Topology, name: str) -> tuple[Forward, ...]:
    """Return the forwards of machine `name`; raises LabError before `choose` has run."""
    stored = _read()
    try:
        found = [
            Forward("tcp", stored[f"{name}:{SSH}"], SSH),
            Forward("udp", stored[f"{name}:{STANDSTILL}"], STANDSTILL),
        ]
    except KeyError:
        raise LabError(f"machine {name!r} has no ports yet", hint="lab up both") from None
    if name == topology.api.name:
        ours = host_ports(topology)
        found += [Forward("tcp", ours[mode], there) for mode, there in topology.ports.items()]
    return tuple(found)


def choose(topology: Topology, running: Collection[str]) -> None:
    """Store a free port for each way into each machine; those of `running` ones stay. Idempotent.

    Ports that were stored stay as well, where they are free.
    """
    before, chosen = _read(), dict[str, int]()
    for machine in topology.machines:
        for kind, there in (("tcp", SSH), ("udp", STANDSTILL)):
            key = f"{machine.name}:{there}"
            port = before.get(key, 0)
            if machine.name not in running or not port:
                port = port if port and is_free(kind, port) else _any(kind, chosen.values())
            chosen[key] = port
    _file().parent.mkdir(parents=True, exist_ok=True)
    files.replace(_file(), json.dumps(chosen, indent=1) + "\n")


def is_free(kind: str, port: int) -> bool:
    """Return whether no process listens on `port` of localhost."""
    with socket(type=_KINDS[kind]) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _any(kind: str, taken: Collection[int]) -> int:
    while True:
        with socket(type=_KINDS[kind]) as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


def _read() -> Mapping[str, int]:
    try:
        stored = decode(_file().read_text())
        return {str(key): int(port) for key, port in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _file() -> Path:
    return paths.SHARED / "ports.json"
