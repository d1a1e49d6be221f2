"""Make the two APIs answer on localhost, as the seed's curl commands expect.

A small process of its own outlives the command that started it. It listens on localhost and hands
both sockets to systemd-socket-proxyd, which carries each connection to the door of the API on the
management network (provisioning/systemd/door.socket.in): nothing to log in to, and nothing to open
again when the api machine was rebooted or replaced. Run by hand: python -m lab.host.forward.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from lab import kind, paths
from lab.host import netns, settings
from provisioning import topology as topology_file
from provisioning.host import programs
from provisioning.topology import Topology, host_ports
from services.core.errors import LabError, printable

_RETRY_S = 0.5
_START_S = 10
_COMMAND = [sys.executable, "-m", "lab.host.forward"]


def check(topology: Topology) -> None:
    """Raise LabError if `ensure` could not get its ports."""
    if not current(topology):
        stop()
        for mode, port in host_ports(topology).items():
            check_free(port, mode)


def ensure(topology: Topology) -> bool:
    """Listen on the ports, unless they are served already; return whether they were not.

    Raises LabError if one is taken, or with the process' last words if it ends at once.
    """
    if current(topology):
        return False
    check(topology)
    paths.RUN.mkdir(parents=True, exist_ok=True)
    file = paths.RUN / "forward.log"
    with file.open("wb") as log:
        process = subprocess.Popen(
            _COMMAND,
            cwd=paths.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_S
    while not _alive() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if not _alive():
        last = file.read_text(errors="replace").strip().rpartition("\n")[2]
        raise LabError(
            f"nothing carries connections to the APIs: {printable(last) or 'no reason given'}",
            hint=f"read {file}; lab doctor",
        )
    return True


def stop() -> None:
    """Leave the ports. Idempotent.

    The note stays: it may be another one's already, which nothing would find without it.
    """
    pid = _alive()
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while _alive() and time.monotonic() < deadline:
            time.sleep(0.02)


def check_free(port: int, mode: str) -> None:
    """Raise LabError if another process listens on `port` of localhost."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise LabError(
                f"port {port} of localhost is taken; the {mode} API needs it",
                hint=f"see who holds it (ss -ltnp 'sport = :{port}'), or use another: "
                f"LAB_{mode.upper()}_PORT=18080 lab up both",
            ) from None


def serve(topology: Topology) -> None:
    """Carry connections until SIGTERM; ends with an error where the ports are taken."""
    signal.signal(signal.SIGTERM, _end)
    ways = [
        (_listen(port), f"{topology.api.management}:{topology.ports[mode]}")
        for mode, port in host_ports(topology).items()
    ]
    # Written by this process itself: it never runs without a note.
    note().write_text("\n".join([str(os.getpid()), *_words(topology)]) + "\n")
    while True:
        carriers = [_carrier(listening, door) for listening, door in ways]
        try:
            os.wait()
        finally:
            for carrier in carriers:
                carrier.kill()
                carrier.wait()
        time.sleep(_RETRY_S)


def _listen(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=128)


def _carrier(listening: socket.socket, door: str) -> "subprocess.Popen[bytes]":
    """Start what carries each connection to `listening` on to `door`, in the lab's network.

    The socket stays the host's, whatever network the process that uses it is in: sd_listen_fds(3).
    """
    pass_on = f'exec 3<&{listening.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
    # Should this process be killed, the kernel ends the carrier too, or it would keep the port.
    command = ["setpriv", "--pdeathsig", "KILL", *netns.prefix(settings.load().netns)]
    return subprocess.Popen(
        # Not sh: Debian's knows no number of two digits.
        ["bash", "-c", pass_on, "bash", *command, str(programs.PROXY), door],
        pass_fds=[listening.fileno()],
        stdin=subprocess.DEVNULL,
    )


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _words(topology: Topology) -> list[str]:
    """What this process is for: another checkout, other ports, a new network need another."""
    ports = sorted(host_ports(topology).items())
    network = netns.identity(settings.namespace_of(topology))
    return [str(paths.ROOT), network, *(f"{mode}={port}" for mode, port in ports)]


def current(topology: Topology) -> bool:
    """Return whether a process carries connections to the APIs, from the ports asked for.

    Under plain QEMU that is the one of the api machine, and there is nothing to add.
    """
    if paths.KIND.name == kind.QEMU:
        return True
    return bool(_alive()) and note().read_text().splitlines()[1:] == _words(topology)


def note() -> Path:
    """The file that says which process serves which ports."""
    return paths.RUN / "forward.pid"


def _alive() -> int | None:
    try:
        pid = int(note().read_text().split()[0])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return pid if b"lab.host.forward" in words else None
    except (OSError, ValueError, IndexError):
        return None


if __name__ == "__main__":
    serve(topology_file.load())
