"""Which nodes there are, and how to reach them: a JSON file that is read once."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from services.core.address import parse_host
from services.core.errors import LabError, printable, shown
from services.core.fields import decode, text
from services.core.names import check_label

SHAPE = (
    '{"user": "root", "key": FILE, "known_hosts": FILE, '
    '"nodes": [{"name": "node1", "address": "10.77.0.11", "port": 22}, ...]}'
)


class Target(NamedTuple):
    """Where the sshd of one node listens. address: a name, IPv4, or IPv6 without brackets."""

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


class NodeLimits(NamedTuple):
    """How long a node may take, in seconds.

    connect_s: silence of its network after which it counts as unreachable.
    command_s: one command that starts or stops containers, until they serve or are gone.
    """

    connect_s: float = 4
    command_s: float = 30

    def stretched(self, slowness: float) -> "NodeLimits":
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
        inventory = _parse(decode(file.read_bytes()))
    except LabError as error:
        raise _unusable(file, str(error)) from None
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(file, f"{type(error).__name__}: {error}") from None
    check_secrets(file, inventory)
    return inventory


def check_secrets(file: Path, inventory: Inventory) -> None:
    """Raise a LabError if a file that `inventory`, read from `file`, names cannot be read now."""
    for secret in (inventory.key, inventory.known_hosts):
        try:
            is_file = secret.is_file()
        except OSError as error:  # of a folder on the way to it
            raise _unusable(file, f"cannot read {secret}: {error.strerror}") from None
        if not is_file:
            raise _unusable(file, f"there is no file {secret}")
        if not os.access(secret, os.R_OK):
            raise _unusable(file, f"no permission to read {secret}")


def _unusable(file: Path, detail: str) -> LabError:
    message = printable(f"cannot use the inventory {file}: {detail}")
    return LabError(message, hint=f"expected {SHAPE}")


def _parse(data: dict[str, Any]) -> Inventory:
    targets = tuple(
        Target(
            check_label(item["name"], "node"),
            parse_host(str(item["address"])),
            _port(item.get("port", 22)),
        )
        for item in data["nodes"]
    )
    if not targets:
        raise ValueError("no nodes")
    if len({target.name for target in targets}) != len(targets):
        raise ValueError("two nodes have the same name")
    key, known_hosts = Path(text(data, "key")), Path(text(data, "known_hosts"))
    return Inventory(text(data, "user"), key, known_hosts, targets)


def _port(value: object) -> int:
    if isinstance(value, int) and 0 < value < 65536:
        return value
    raise ValueError(f"port {shown(value)} is not a number from 1 to 65535")
