"""This node's containers: seen through their cgroups, changed through `systemctl`.

Spawning `systemctl list-units` costs an emulated guest 130 ms a pass; reading the slice's
cgroup directory costs two. systemctl itself is spawned without `import subprocess`, which
would add 13 % to the instructions of a pass.
"""

import os
import select
from collections.abc import Sequence

from services.core.errors import LabError
from services.core.model import DEFAULT_IMAGE, Act, Task, UnitState

_PREFIX = "pull-container@"
_SUFFIX = ".service"
# Queueing takes 0.1 s, a stop that is waited for at most the unit's TimeoutStopSec= of 3 s.
_SYSTEMCTL_LIMIT_S = 10.0
# `import signal` builds enums of all its names: 3 % of the instructions of a pass.
_SIGKILL = 9


class SystemctlFailed(LabError):
    """systemd did not accept a job, or did not answer."""

    def __init__(self, command: Sequence[str], detail: str) -> None:
        super().__init__(
            f"{' '.join(command)}: {detail}", hint="its own message is in this journal, above"
        )
        self.command = tuple(command)
        self.detail = detail


class NotPrepared(LabError):
    """A container whose environment file cannot be written, and which is not started then."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(
            f"cannot write {path}: {detail}", hint="check free space and permissions: df -h /run"
        )
        self.path = path
        self.detail = detail


class Systemd:
    """The pull mode's containers under `root` ("/" but for tests).

    systemctl: the program to spawn.
    """

    def __init__(self, root: str = "/", systemctl: str = "/usr/bin/systemctl") -> None:
        root = root.rstrip("/")
        self._slice = f"{root}/sys/fs/cgroup/pull.slice"
        self._units = f"{root}/run/lab/units/pull"
        self._runtime = f"{root}/run/pull-container"
        self._systemctl = systemctl

    def observed(self) -> dict[str, UnitState]:
        """Return every container with live processes, whoever started it, by name."""
        return {name: UnitState(self._image(name), ready) for name, ready in self.glance().items()}

    def glance(self) -> dict[str, bool]:
        """Return who is there, by name, and whether it is ready: what `observed` is cheap in."""
        try:
            entries = os.listdir(self._slice)
        except FileNotFoundError:
            return {}  # systemd removes the slice with its last unit
        names = (
            entry[len(_PREFIX) : -len(_SUFFIX)]
            for entry in entries
            if entry.startswith(_PREFIX) and entry.endswith(_SUFFIX)
        )
        return {name: self._is_ready(name) for name in sorted(names) if self._is_alive(name)}

    def perform(self, tasks: Sequence[Task]) -> None:
        """Stop, then start: one `systemctl` each for all units, without waiting for them.

        A container that is stopped to be started again is waited for: its start would cancel
        a stop job that has not begun, and its new image must not be written while the old one
        runs, or nobody could tell any more. Raises the first SystemctlFailed or NotPrepared
        after it tried everything.
        """
        problems: list[LabError] = []
        stops = [task.container.name for task in tasks if task.act is Act.STOP]
        starts = {task.container.name: task.container for task in tasks if task.act is Act.START}
        problems += self._run("stop", stops, wait=any(name in starts for name in stops))
        for name in stops:
            if name not in starts:
                self._forget(name)
            elif problems:
                del starts[name]
        for container in tuple(starts.values()):
            try:
                self._write_environment(container.name, container.image)
            except OSError as error:
                # It might come up with the image of another container of that name.
                del starts[container.name]
                path = f"{self._units}/{container.name}.env"
                problems.append(NotPrepared(path, error.strerror or str(error)))
        problems += self._run("start", list(starts), wait=False)
        if problems:
            raise problems[0]

    def _is_alive(self, name: str) -> bool:
        try:
            events = _read(f"{self._slice}/{_unit(name)}/cgroup.events")
        except OSError:
            return False  # ended between listing and reading
        return "populated 1" in events

    def _is_ready(self, name: str) -> bool:
        return os.path.exists(f"{self._runtime}/{name}/ready")

    def _image(self, name: str) -> str:
        try:
            lines = _read(f"{self._units}/{name}.env").splitlines()
        except OSError:
            return DEFAULT_IMAGE  # as the unit does: it was started by hand
        images = [line.partition("=")[2] for line in lines if line.startswith("LAB_IMAGE=")]
        return images[-1] if images else DEFAULT_IMAGE

    def _write_environment(self, name: str, image: str) -> None:
        os.makedirs(self._units, exist_ok=True)
        half = f"{self._units}/.{name}.new"
        with open(half, "w", encoding="utf-8") as file:
            file.write(f"LAB_IMAGE={image}\n")
        os.replace(half, f"{self._units}/{name}.env")

    def _forget(self, name: str) -> None:
        """A container of that name that is started by hand later gets the default image."""
        try:
            os.unlink(f"{self._units}/{name}.env")
        except OSError:
            return  # there is none, or the next start fails to replace it and says so

    def _run(self, verb: str, names: Sequence[str], *, wait: bool) -> list[SystemctlFailed]:
        if not names:
            return []
        command = [self._systemctl, verb, *([] if wait else ["--no-block"]), *map(_unit, names)]
        detail = _spawn(command)
        return [SystemctlFailed(command, detail)] if detail else []


def _unit(name: str) -> str:
    return f"{_PREFIX}{name}{_SUFFIX}"


def _read(path: str) -> str:
    """The first 4 KiB of a small file. A look reads one for each container, seven times a second,
    and three system calls cost a fifth of what `open` and its layers do."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 4096).decode("utf-8", "replace")
    finally:
        os.close(file)


def _spawn(command: list[str]) -> str:
    """Run `command` and return "" if it succeeded in time, else what happened."""
    try:
        pid = os.posix_spawn(command[0], command, {"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    handle = os.pidfd_open(pid)
    try:
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        if not poller.poll(_SYSTEMCTL_LIMIT_S * 1000):
            os.kill(pid, _SIGKILL)
            os.waitpid(pid, 0)
            return f"no answer within {_SYSTEMCTL_LIMIT_S:g} s"
    finally:
        os.close(handle)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return f"exit code {code}" if code else ""
