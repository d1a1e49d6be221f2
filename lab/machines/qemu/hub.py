"""The lab's network: a switch between the machines, as a process of this user.

    python -m lab.machines.qemu.hub FOLDER NAME...

Each NAME is a plug: what its QEMU sends comes as a datagram, one frame each, to FOLDER/NAME.hub,
and what it should receive goes to FOLDER/NAME.net. The hub may end and start again under machines
that run: they lose frames, as from a cable that was pulled.
"""

import selectors
import signal
import sys
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket
from types import FrameType

_MAC = 6
_FRAME_BYTES = 65536 + 64


class Hub:
    """The plugs, and from which of them each address sent last."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder = folder
        self._behind: dict[bytes, str] = {}
        self.plugs: dict[str, socket] = {}
        for name in names:
            path = folder / f"{name}.hub"
            path.unlink(missing_ok=True)
            plug = socket(AF_UNIX, SOCK_DGRAM)
            plug.setblocking(False)
            plug.bind(str(path))
            self.plugs[name] = plug

    def carry(self, name: str) -> None:
        """Take one frame of the plug `name`, and pass it on: to one plug, or to all others."""
        frame = self.plugs[name].recv(_FRAME_BYTES)
        target, source = frame[:_MAC], frame[_MAC : 2 * _MAC]
        self._behind[source] = name
        known = self._behind.get(target)
        # Nothing is behind the address of a group, such as everyone: it never sends.
        for other in self.plugs if known is None else (known,):
            if other != name:
                self._send(other, frame)

    def _send(self, name: str, frame: bytes) -> None:
        """A plug without a machine, or one that is slow to empty its queue, loses the frame."""
        with suppress(OSError):
            self.plugs[name].sendto(frame, str(self._folder / f"{name}.net"))


def main(arguments: list[str]) -> None:
    """Carry frames until SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    folder, *names = arguments
    hub = Hub(Path(folder), names)
    selector = selectors.DefaultSelector()
    for name, plug in hub.plugs.items():
        selector.register(plug, selectors.EVENT_READ, name)
    while True:
        for key, _ in selector.select():
            with suppress(BlockingIOError):
                hub.carry(key.data)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
