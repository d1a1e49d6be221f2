"""Where a server listens, and the announcement of it."""

import argparse
import logging
import socket
from collections.abc import Iterable

from services.core.address import Address, BadAddress, parse_address, show_address
from services.core.errors import LabError
from services.lib.sd_notify import notify

BACKLOG = 1024
_log = logging.getLogger(__name__)


def listen_address(text: str) -> Address:
    """The type of an argparse option ADDRESS:PORT; its error message says what is wrong."""
    try:
        return parse_address(text)
    except BadAddress as error:
        raise argparse.ArgumentTypeError(f"{error}; {error.hint}") from None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host`:`port`. Clients wait until a server accepts them.

    A name with several addresses means its first one. `::` means all IPv6 addresses, and no IPv4
    one. Port 0 takes a free one. Raises LabError.
    """
    try:
        family, *_, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(place[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        detail = getattr(error, "strerror", "") or str(error)
        # create_server appends the address once more.
        detail = detail.partition(" (while ")[0]
        raise LabError(
            f"cannot listen on {show_address((host, port))}: {detail}",
            hint=f"see what uses it (ss -ltnp 'sport = :{port}') or choose another address or port",
        ) from None


def announce(places: Iterable[Address]) -> None:
    """Tell systemd and the log that this process serves at `places`."""
    text = "listening on " + ", ".join(f"http://{show_address(place)}" for place in places)
    _log.info(text)
    notify(f"READY=1\nSTATUS={text}")
