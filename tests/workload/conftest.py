import contextlib
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from services.core.catalogue import preferred_port
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


def command():
    """The command line in the unit of every container."""
    lines = (ROOT / "provisioning/systemd/container@.service.in").read_text().splitlines()
    (words,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    return shlex.split(words)


class Unit:
    """What the container's unit does for it: its environment, and ears for sd_notify."""

    def __init__(self, folder: Path) -> None:
        self.runtime = folder / "runtime"
        self._inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inbox.bind(str(folder / "notify"))
        self._inbox.settimeout(20)
        self._address = str(folder / "notify")
        self._log = folder / "log"
        self._processes: list[subprocess.Popen[bytes]] = []
        # Held open by the container and all its children, as a cgroup would know them.
        self._cgroup, self._member = os.pipe()

    def start(self, name="web", image="demo", mode="push", **environment):
        """Start a container as its unit does; return the process."""
        self.runtime.mkdir(exist_ok=True)
        settings = {
            "PATH": os.environ["PATH"],
            "LAB_NAME": name,
            "LAB_MODE": mode,
            "LAB_IMAGE": image,
            "RUNTIME_DIRECTORY": str(self.runtime),
            "NOTIFY_SOCKET": self._address,
            **environment,
        }
        argv = [sys.executable, *command()[1:]]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                argv,
                env=settings,
                cwd=ROOT,
                stderr=log,
                pass_fds=[self._member],
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def port(self, process):
        """Wait until the container says that it serves; return where."""

        def ready():
            assert process.poll() is None, f"it ended: {self.log}"
            file = self.runtime / "ready"
            return file.exists() and file.read_text()

        return int(wait_for(ready, "the container serves", timeout_s=20))

    def heard(self):
        """Return the next message sent to systemd, and the file descriptors that came along."""
        data, descriptors, _, _ = socket.recv_fds(self._inbox, 4096, 4)
        return data.decode(), descriptors

    def ended(self):
        """Wait until nothing that was started here runs any more. Starts nothing after that."""
        os.close(self._member)
        self._member = -1
        return bool(select.select([self._cgroup], [], [], 20)[0])

    @property
    def log(self):
        return self._log.read_text()

    def close(self):
        """End everything that was started here, as systemd does: with its children."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._inbox.close()
        assert self._member < 0 or self.ended(), "something outlived its container"
        os.close(self._cgroup)


@pytest.fixture
def unit():
    # Not tmp_path, which is closed to others: as root, nginx serves as somebody else.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        unit = Unit(Path(folder))
        yield unit
        unit.close()


@pytest.fixture
def name():
    """A container name whose preferred port and the next one are free on this machine."""
    return free_name()


def free_name(but=()):
    """As `name`, and none of `but`."""

    def free(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    for number in range(1000):
        candidate = f"test-{os.getpid()}-{number}"
        port = preferred_port("push", candidate)
        if candidate not in but and free(port) and free(port + 1):
            return candidate
    raise AssertionError("no free ports")
