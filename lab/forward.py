"""Make the two APIs answer on localhost, as the seed's curl commands expect.

A small process of its own outlives the command that started it: it keeps one SSH connection
to the api machine, with a tunnel per API, and opens it again whenever it breaks: a rebooted
api machine is reachable again without a hand. Run by hand: python -m lab.forward.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from lab import paths
from lab.host import settings
from provisioning import topology as topology_file
from provisioning.topology import Topology, host_ports
from services.core.errors import LabError

_RETRY_S = 0.5
_START_S = 10


class PortTaken(LabError):
    """A port of localhost that somebody else listens on."""

    def __init__(self, port: int, mode: str) -> None:
        super().__init__(
            f"port {port} of localhost is taken; the {mode} API needs it",
            hint=f"see who holds it (ss -ltnp 'sport = :{port}'), or use another: "
            f"LAB_{mode.upper()}_PORT=18080 lab up both",
        )
        self.port = port
        self.mode = mode


def check(topology: Topology) -> None:
    """Raise PortTaken if `ensure` could not get its ports."""
    if not _current(topology):
        stop()
        for mode, port in host_ports(topology).items():
            check_free(port, mode)


def ensure(topology: Topology) -> None:
    """Start the tunnels if they do not run for these ports. Raises PortTaken. Idempotent."""
    if _current(topology):
        return
    check(topology)
    paths.RUN.mkdir(parents=True, exist_ok=True)
    with (paths.RUN / "forward.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.forward"],
            cwd=paths.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_S
    while not _alive() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def stop() -> None:
    """End the tunnels. Idempotent."""
    pid = _alive()
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while _alive() and time.monotonic() < deadline:
            time.sleep(0.02)
    note().unlink(missing_ok=True)


def check_free(port: int, mode: str) -> None:
    """Raise PortTaken if somebody listens on `port` of localhost."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise PortTaken(port, mode) from None


def serve(topology: Topology) -> None:
    """Keep the tunnels open until SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    # By itself, so that there is no moment in which it runs and nobody knows.
    note().write_text("\n".join([str(os.getpid()), *_words(topology)]) + "\n")
    ports = host_ports(topology)
    tunnels = [
        word
        for mode, port in ports.items()
        for word in ("-L", f"127.0.0.1:{port}:127.0.0.1:{topology.ports[mode]}")
    ]
    # Should this process be killed, the kernel ends ssh too, or it would keep the ports.
    command = ["setpriv", "--pdeathsig", "KILL", *settings.ssh(), "-N"]
    # A line per attempt would fill the log while the machine is off.
    command += ["-o", "ExitOnForwardFailure=yes", "-o", "LogLevel=QUIET"]
    # Sooner than a person loses patience; the machine may be gone without a word.
    command += ["-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=4"]
    while True:
        with subprocess.Popen([*command, *tunnels, topology.api.name]) as ssh:
            try:
                ssh.wait()
            finally:
                ssh.kill()
        time.sleep(_RETRY_S)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _words(topology: Topology) -> list[str]:
    """What these tunnels are for. Another checkout has other keys: its own lead nowhere."""
    ports = sorted(host_ports(topology).items())
    return [str(paths.ROOT), *(f"{mode}={port}" for mode, port in ports)]


def _current(topology: Topology) -> bool:
    return bool(_alive()) and note().read_text().splitlines()[1:] == _words(topology)


def note() -> Path:
    """The file that says which process serves which ports."""
    return paths.RUN / "forward.pid"


def _alive() -> int | None:
    try:
        pid = int(note().read_text().split()[0])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return pid if b"lab.forward" in words else None
    except (OSError, ValueError, IndexError):
        return None


if __name__ == "__main__":
    serve(topology_file.load())
