"""Tell systemd how a service is doing (sd_notify(3)), without its library."""

import os
import select
import socket


def notify(message: str) -> None:
    """Send `message` (READY=1, STATUS=…) to systemd; does nothing without systemd."""
    address = _address()
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(address)
            channel.sendall(message.encode())


def wait_until_heard(timeout_s: float) -> bool:
    """Return True once systemd has read all messages (sd_notify_barrier(3)); False after timeout_s.

    For a process that ends soon: systemd finds the unit of a message by its sender, which must
    still be alive.
    """
    address = _address()
    if not address:
        return True
    ours, theirs = os.pipe()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(address)
            socket.send_fds(channel, [b"BARRIER=1"], [theirs])
    finally:
        os.close(theirs)
    # systemd closes its copy when it reads this message; the pipe then hangs up.
    poller = select.poll()
    poller.register(ours, select.POLLHUP)
    heard = bool(poller.poll(timeout_s * 1000))
    os.close(ours)
    return heard


def _address() -> str:
    address = os.environ.get("NOTIFY_SOCKET", "")
    return f"\0{address[1:]}" if address.startswith("@") else address
