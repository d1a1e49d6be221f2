"""Tell systemd how a service is doing (sd_notify(3)), without its library."""

import os
import select
import sys

# `import socket` takes longer than everything else that a container does to start.
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_DGRAM, SOL_SOCKET, socket


def notify(message: str) -> None:
    """Send `message` (READY=1, STATUS=…) to systemd; do nothing if it does not listen."""
    if _address():
        channel = _connect()
        channel.sendall(message.encode())
        channel.close()


def wait_until_heard(timeout_s: float) -> bool:
    """Return once systemd has read all we sent (sd_notify_barrier(3)); False after timeout_s.

    For a process that ends soon: systemd can look up the unit only of a sender that still lives.
    """
    if not _address():
        return True
    ours, theirs = os.pipe()
    channel = _connect()
    rights = (SOL_SOCKET, SCM_RIGHTS, theirs.to_bytes(4, sys.byteorder))
    channel.sendmsg([b"BARRIER=1"], [rights])
    channel.close()
    os.close(theirs)
    # systemd closes its copy once it gets to this message; the pipe then hangs up.
    poller = select.poll()
    poller.register(ours, select.POLLHUP)
    heard = bool(poller.poll(timeout_s * 1000))
    os.close(ours)
    return heard


def _connect() -> socket:
    channel = socket(AF_UNIX, SOCK_DGRAM)
    channel.connect(_address())
    return channel


def _address() -> str:
    address = os.environ.get("NOTIFY_SOCKET", "")
    return f"\0{address[1:]}" if address.startswith("@") else address
