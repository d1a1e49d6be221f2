"""Refuse what a web page of another site sends: the APIs are for programs on this machine.

A browser lets any page send simple requests to localhost, and a page whose own name resolves to
127.0.0.1 (DNS rebinding) even reads the answers. Both give themselves away by their headers.
"""

import re
import socket
from collections.abc import Mapping
from typing import Any

# `lab` is what a machine of the lab is called before it has a name of its own.
_NAMES = frozenset({"localhost", "lab", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]*)?")
_SAME_SITE = (None, "same-origin", "none")
_MOST_ADDRESSES = 64
# Addresses found to be this machine's.
_own_addresses: set[str] = set()


def foreign(environ: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return status, error and hint if the request must be refused, None if not."""
    host = environ.get("HTTP_HOST")
    if host is None and environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
        return "400 Bad Request", "HTTP/1.1 needs a Host header", "send Host: localhost"
    if host is not None and not _is_ours(host.lower()):
        error = f"host {host[:80]!r} is no name or address of this machine"
        return "421 Misdirected Request", error, "use localhost, or an address of the machine"
    origin = environ.get("HTTP_ORIGIN")
    site = environ.get("HTTP_SEC_FETCH_SITE")
    same = origin is None or origin.lower() == f"http://{host or ''}".lower()
    if same and site in _SAME_SITE:
        return None
    error = f"a web page of another origin ({str(origin or site)[:80]!r}) may not use this API"
    return "403 Forbidden", error, "call it from a program, such as curl"


def _is_ours(host: str) -> bool:
    parts = _HOST.fullmatch(host)
    if parts is None:
        return False
    name = parts[1].removesuffix(".")
    return name in _NAMES or name == socket.gethostname().lower() or _is_own_address(name)


def _is_own_address(name: str) -> bool:
    """Whether `name` is an address on which this machine can listen.

    Only addresses: to resolve a name would be to trust DNS.
    """
    if name in _own_addresses:
        return True
    family = socket.AF_INET6 if name.startswith("[") else socket.AF_INET
    address = name.strip("[]")
    try:
        if not any(socket.inet_pton(family, address)):
            return False  # 0.0.0.0 stands for all addresses, and is none
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    # All of 127.0.0.0/8 is ours: a client that tries one after the other must not fill memory.
    if len(_own_addresses) >= _MOST_ADDRESSES:
        _own_addresses.clear()
    _own_addresses.add(name)
    return True
