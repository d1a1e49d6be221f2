"""Tell systemd how a service is doing (sd_notify(3)), without its library."""

import os
import socket


def notify(message: str) -> None:
    """Send `message` (READY=1, STATUS=…) to systemd; does nothing when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address)
        channel.sendall(message.encode())
