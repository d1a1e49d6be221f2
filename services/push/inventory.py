"""Which nodes there are, and how to reach them: a JSON file that is read once."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from services.core.errors import LabError
from services.core.names import check_label

SHAPE = (
    '{"user": "root", "key": FILE, "known_hosts": FILE, '
    '"nodes": [{"name": "node1", "address": "10.77.0.11", "port": 22}, ...]}'
)


class Target(NamedTuple):
    """Where the sshd of one node listens."""

    name: str
    address: str
    port: int


class Inventory(NamedTuple):
    """All nodes, the user and private key to log in with, and the host keys to accept."""

    user: str
    key: Path
    known_hosts: Path
    targets: tuple[Target, ...]


# How much longer a start takes for each unit of slowness, while the host has other work as well.
_START_S = 4.0


class Limits(NamedTuple):
    """How long a node may take, in seconds.

    connect_s: silence of its network after which it counts as unreachable.
    command_s: one command that starts or stops containers, until they serve or are gone.
    """

    connect_s: float = 4
    command_s: float = 30

    def stretched(self, slowness: float) -> "Limits":
        """Return limits that nodes on a machine `slowness` times as slow as usual can meet.

        Only the network's silence means the same everywhere.
        """
        return self._replace(command_s=self.command_s + _START_S * max(0.0, slowness - 1))

    @property
    def order_s(self) -> float:
        """What the command of an order may take as seen from here.

        The node ends it after command_s and says so; this is for a node that says nothing.
        """
        return self.command_s + self.answer_s

    @property
    def turn_s(self) -> float:
        """What an order may wait until its command begins: the command before it may take that."""
        return self.order_s

    @property
    def answer_s(self) -> float:
        """What a node that accepts connections may take to log us in or to list.

        Longer than connect_s: a handshake is a second of work for an emulated guest.
        """
        return 3 * self.connect_s


def load(file: Path) -> Inventory:
    """Return the inventory in `file`; raises a LabError that names what is wrong with it."""
    try:
        inventory = _parse(json.loads(file.read_text()))
    except (OSError, LabError) as error:
        raise _unusable(file, str(error)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(file, f"{type(error).__name__}: {error}") from None
    check_secrets(file, inventory)
    return inventory


def check_secrets(file: Path, inventory: Inventory) -> None:
    """Raise a LabError if a file that `inventory`, read from `file`, names cannot be read now."""
    for secret in (inventory.key, inventory.known_hosts):
        if not secret.is_file():
            raise _unusable(file, f"there is no file {secret}")
        if not os.access(secret, os.R_OK):
            raise _unusable(file, f"no permission to read {secret}")


def _unusable(file: Path, detail: str) -> LabError:
    return LabError(f"cannot use the inventory {file}: {detail}", hint=f"expected {SHAPE}")


def _parse(data: dict[str, Any]) -> Inventory:
    targets = tuple(
        Target(check_label(item["name"], "node"), str(item["address"]), int(item.get("port", 22)))
        for item in data["nodes"]
    )
    if not targets:
        raise ValueError("no nodes")
    if len({target.name for target in targets}) != len(targets):
        raise ValueError("two nodes have the same name")
    return Inventory(str(data["user"]), Path(data["key"]), Path(data["known_hosts"]), targets)
