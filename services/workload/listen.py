"""A TCP port for a container, and the message that it serves there."""

import errno
import os
import sys
from _socket import SO_REUSEADDR, SOL_SOCKET, socket

from services.core.catalogue import preferred_port
from services.core.errors import LabError
from services.lib.sd_notify import notify
from services.workload.identity import Identity

_TRIES = 100
_BACKLOG = 128


def listen(identity: Identity) -> tuple[socket, int]:
    """Return a listening socket and its port: the preferred one, or the next free one.

    It listens on every interface, so that the host and the other machines can ask a container.
    Raises LabError if no port is free.
    """
    first = preferred_port(identity.mode, identity.name)
    last = first + _TRIES - 1
    for port in range(first, last + 1):
        listener = socket()
        # The previous container of this name has left connections in TIME_WAIT.
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            listener.bind(("0.0.0.0", port))  # noqa: S104 - on purpose, see above
            # With SO_REUSEADDR only this call finds that the port is taken.
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listener, port
    raise LabError(
        f"ports {first} to {last} are all taken",
        hint="see by which programs (ss -ltnp), or choose another name",
    )


def announce(identity: Identity, port: int) -> None:
    """Say that the container serves on `port`: to observers, the journal and systemd.

    Observers read the file `ready`, which contains the port. systemd removes it with the unit's
    runtime directory, so it exists exactly while the container serves.
    """
    text = f"serving {identity.image} on port {port}"
    half = f"{identity.runtime}/ready.new"
    file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
    os.write(file, f"{port}\n".encode())
    # The unit's umask hides files; an observer without capabilities must see this one.
    os.fchmod(file, 0o644)
    os.close(file)
    os.rename(half, f"{identity.runtime}/ready")
    print(text, file=sys.stderr, flush=True)
    notify(f"READY=1\nSTATUS={text}")
