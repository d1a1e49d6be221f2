"""What the lab runs on this computer for machines of plain QEMU: QEMUs, and the hub.

They belong to no terminal and to no command, and go on when either ends.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab import paths
from lab.machines.qemu import qmp, words
from provisioning.run import ToolFailed
from provisioning.topology import Topology
from services.core.errors import LabError, printable

_QEMU = "qemu-system-x86_64"
# Under emulation it bounds QEMU's memory, and lets the api machine have more of the processor.
_BOUNDED = paths.ROOT / "provisioning/host/qemu-bounded"
_START_S = 20.0
_END_S = 10.0
_HUB = "lab.machines.qemu.hub"


def ensure(topology: Topology) -> None:
    """Start the hub, and this computer's place in the lab's network, unless they run. Idempotent.

    Raises LabError.
    """
    folder()
    if not _hub_pid():
        names = [words.GATEWAY, *(machine.name for machine in topology.machines)]
        command = [sys.executable, "-S", "-E", "-m", _HUB, str(paths.RUN), *names]
        process = _begin(command, "hub", {})
        _hub_file().write_text(f"{process.pid}\n")
        _await("hub", process, lambda: (paths.RUN / f"{names[-1]}.hub").is_socket())
    if not runs(words.GATEWAY):
        start(words.GATEWAY, [_QEMU, *words.gateway(topology, paths.RUN)])


def complete() -> bool:
    """Return whether what `ensure` starts runs."""
    return _hub_pid() is not None and runs(words.GATEWAY)


def stop() -> None:
    """End what `ensure` started. Idempotent."""
    end(words.GATEWAY)
    pid = _hub_pid()
    if pid:
        os.kill(pid, signal.SIGTERM)
        _gone(lambda: _hub_pid() is None)
    _hub_file().unlink(missing_ok=True)
    for plug in (*paths.RUN.glob("*.hub"), *paths.RUN.glob("*.net")):
        plug.unlink()


def bounded(argv: Sequence[str]) -> list[str]:
    """Return `argv`, words for QEMU, as the command that runs it."""
    return [str(_BOUNDED), *argv]


def start(name: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Run the QEMU `name`; returns once it answers. more: of its environment.

    Raises LabError with its last words where it ends at once.
    """
    process = _begin(command, name, more or {})
    _await(name, process, lambda: runs(name))


def runs(name: str) -> bool:
    """Return whether QEMU `name` answers; raises ToolFailed where it is there and silent."""
    return status(name) != ""


def status(name: str, timeout_s: float = 10.0) -> str:
    """Return what QEMU `name` says of its machine (running, paused, …); empty where none runs."""
    try:
        said = qmp.ask(words.door(paths.RUN, name), "query-status", timeout_s=timeout_s)
        return str(said["status"])
    except ConnectionError:
        return ""


def end(name: str) -> None:
    """End QEMU `name` where it stands, also one that hangs. Idempotent.

    Raises LabError where it does not end: its disk may not be deleted below it.
    """
    # Where no connection is possible it has ended, or its socket was deleted.
    with suppress(ConnectionError, ToolFailed):
        qmp.ask(words.door(paths.RUN, name), "quit")
    ended = lambda: _qemu_pid(name) is None  # noqa: E731
    if not _gone(ended):
        _kill(name)
        if not _gone(ended):
            raise LabError(f"QEMU of {name!r} does not end", hint=f"ps -fp {_qemu_pid(name)}")


def folder() -> Path:
    """Return the folder of sockets. Raises LabError where it is another user's, who would rule."""
    paths.RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = paths.RUN.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise LabError(
            f"{paths.RUN} is not this user's alone", hint=f"look at it: ls -ld {paths.RUN}"
        )
    return paths.RUN


def _begin(command: Sequence[str], name: str, more: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    with _log(name).open("wb") as log:
        return subprocess.Popen(
            list(command),
            cwd=paths.ROOT,
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Of its own: what ends a terminal ends no machine.
            start_new_session=True,
        )


def _await(name: str, process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while not ready():
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            last = _log(name).read_text(errors="replace").strip().rpartition("\n")[2]
            why = printable(last) or ("it ended" if ended else "it does not answer")
            raise LabError(f"{name} does not start: {why}", hint=f"read {_log(name)}; lab doctor")
        time.sleep(0.02)


def _gone(ended: Callable[[], bool]) -> bool:
    """Wait for it; return whether it came true in time."""
    deadline = time.monotonic() + _END_S
    while not (over := ended()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return over


def _kill(name: str) -> None:
    pid = _qemu_pid(name)
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _qemu_pid(name: str) -> int | None:
    return _pid(words.pid_file(paths.RUN, name), str(words.door(paths.RUN, name)))


def _hub_pid() -> int | None:
    return _pid(_hub_file(), "lab.machines.qemu.hub")


def _pid(file: Path, word: str) -> int | None:
    """The process id in `file`, if that process has `word` in its command line and is no zombie."""
    try:
        pid = int(file.read_text())
        return pid if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except (OSError, ValueError):
        return None


def _hub_file() -> Path:
    return paths.RUN / "hub.pid"


def _log(name: str) -> Path:
    return paths.RUN / f"{name}.log"
