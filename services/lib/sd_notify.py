"""Tell systemd how a service is doing (sd_notify(3)), without its library."""

import os
import select
import sys

# `import socket` takes longer than everything else that a container does to start.
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_DGRAM, SOL_SOCKET, socket


def notify(message: str) -> None:
    """Send `message` (READY=1, STATUS=…) to systemd; does nothing without systemd."""
    if _address():
        channel = _connect()
        channel.sendall(message.encode())
        channel.close()


def wait_until_heard(timeout_s: float) -> bool:
    """Return True once systemd has read all messages (sd_notify_barrier(3)); False after timeout_s.

    For a process that ends soon: systemd finds the unit of a message by its sender, which must
    still be alive.
    """
    if not _address():
        return True
    ours, theirs = os.pipe()
    channel = _connect()
    rights = (SOL_SOCKET, SCM_RIGHTS, theirs.to_bytes(4, sys.byteorder))
    channel.sendmsg([b"BARRIER=1"], [rights])
    channel.close()
    os.close(theirs)
    # systemd closes its copy when it reads this message; the pipe then hangs up.
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
