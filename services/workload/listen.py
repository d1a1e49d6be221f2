"""A TCP port for a container, and telling the world that it serves there."""

import errno
import os
import socket
import sys

from services.core.catalogue import preferred_port
from services.core.errors import LabError
from services.lib.sd_notify import notify
from services.workload.identity import Identity

_TRIES = 100
_BACKLOG = 128


class NoFreePort(LabError):
    """Every port that this container may take is held by somebody else."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(
            f"ports {first} to {last} are all taken",
            hint="see who holds them (ss -ltnp) or choose another name",
        )
        self.first = first
        self.last = last


def listen(identity: Identity) -> socket.socket:
    """Return a listening socket on the container's preferred port, or the next free one.

    On every interface: whoever reaches the node may look at its containers.
    Raises NoFreePort.
    """
    first = preferred_port(identity.mode, identity.name)
    for port in range(first, first + _TRIES):
        listener = socket.socket()
        # A container that was just here has left connections in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("0.0.0.0", port))  # noqa: S104 - on purpose, see above
            # With SO_REUSEADDR the port's owner shows only here.
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listener
    raise NoFreePort(first, first + _TRIES - 1)


def announce(identity: Identity, port: int) -> None:
    """Say that the container serves on `port`: to observers, to systemd and to the journal.

    Observers read the file `ready` (its content is the port): systemd removes it with the
    unit's runtime directory, so it is there exactly while the container serves.
    """
    half = f"{identity.runtime}/ready.new"
    with open(half, "w") as file:
        file.write(f"{port}\n")
        # The unit's umask hides files; an observer without capabilities must see this one.
        os.fchmod(file.fileno(), 0o644)
    os.rename(half, f"{identity.runtime}/ready")
    print(f"serving {identity.image} on port {port}", file=sys.stderr, flush=True)
    notify(f"READY=1\nSTATUS=serving {identity.image} on port {port}")
