"""This node's containers: observed through their cgroups, changed through `systemctl`.

Spawning `systemctl list-units` costs an emulated guest 130 ms a pass; reading the slice's
cgroup directory costs two. systemctl itself is spawned without `import subprocess`, which
would add 13 % to the instructions of a pass.

`systemctl --no-block` returns when a job is queued. Until systemd runs it, a container that starts
has no processes, and one that stops has them still. A look every 150 ms sees both, so recent jobs
are part of what is observed.
"""

import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from services.core.errors import LabError
from services.core.model import DEFAULT_IMAGE, Act, Container, Task, UnitState

_PREFIX = "pull-container@"
_SUFFIX = ".service"
# Of the environment of a unit. The second one is for this agent alone.
_IMAGE, _CREATED = "LAB_IMAGE", "LAB_CREATED"
# Queueing takes 0.1 s, a stop that is waited for at most the unit's TimeoutStopSec= of 3 s.
_SYSTEMCTL_LIMIT_S = 10.0
# `import signal` builds enums of all its names: 3 % of the instructions of a pass.
_SIGKILL = 9


class _Job(NamedTuple):
    """What systemd was asked to do with which container, and when."""

    act: Act
    at_s: float
    container: Container


class Systemd:
    """The pull mode's containers under `root` ("/" but for tests).

    systemctl: the program to spawn. patience_s: how long systemd may take to show a job, before
    it is asked again; 0 to remember no jobs. now_s: monotonic. busy: whether, when it was last
    observed, systemd did not show yet all that it was asked to do. starting: whether a container
    had processes then, and was not ready.
    """

    def __init__(
        self,
        root: str = "/",
        systemctl: str = "/usr/bin/systemctl",
        *,
        patience_s: float = 0.0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        root = root.rstrip("/")
        self._slice = f"{root}/sys/fs/cgroup/pull.slice"
        self._units = f"{root}/run/lab/units/pull"
        self._runtime = f"{root}/run/pull-container"
        self._systemctl = systemctl
        self._patience_s = patience_s
        self._now_s = now_s
        self.busy = False
        self.starting = False
        self._jobs: dict[str, _Job] = {}
        self._glanced: Mapping[str, bool] | None = None
        self._running: dict[str, UnitState] = {}

    def observed(self) -> dict[str, UnitState]:
        """Return, by name, every container that has processes or may have them soon.

        Also one that was started by hand. Cheap while nothing changes: images are only read again
        when containers came, went or got ready, or after `perform`.
        """
        glance = self._glance()
        if glance != self._glanced:
            self._glanced = glance
            self.starting = not all(glance.values())
            self._running = {name: self._state(name, ready) for name, ready in glance.items()}
        if not self._jobs:
            return self._running
        observed = self._with_jobs(self._running)
        self.busy = any(state.job for state in observed.values())
        return observed

    def _with_jobs(self, running: Mapping[str, UnitState]) -> dict[str, UnitState]:
        """Return `running` with the jobs of the last patience_s seconds.

        A container that may start any moment is there, not ready: it is not started again at once,
        not even if it fails at once; it is stopped if it is not wanted any more, which takes its
        job from the queue; and every report names it.
        """
        now_s = self._now_s()
        self._jobs = {n: j for n, j in self._jobs.items() if now_s - j.at_s < self._patience_s}
        observed = dict(running)
        for name, job in self._jobs.items():
            state = running.get(name)
            if state is None and job.act is Act.START:
                _, image, _, created = job.container
                observed[name] = UnitState(image, ready=False, job=Act.START, created=created)
            elif state is not None and job.act is Act.STOP:
                observed[name] = state._replace(job=Act.STOP)
        return observed

    def _glance(self) -> dict[str, bool]:
        """Return which containers have processes, and whether each is ready."""
        try:
            entries = os.listdir(self._slice)
        except FileNotFoundError:
            return {}  # systemd removes the slice with its last unit
        return {
            name: self._is_ready(name)
            for entry in sorted(entries)
            if entry.startswith(_PREFIX)
            and entry.endswith(_SUFFIX)
            and self._is_alive(name := entry[len(_PREFIX) : -len(_SUFFIX)])
        }

    def perform(self, tasks: Sequence[Task]) -> None:
        """Stop, then start: one `systemctl` each for all units, without waiting for them.

        The stop of a container that is started again is waited for: its start would cancel a stop
        job that has not begun, and its new image must not be written while the old one runs, or
        the image of what runs would be unknown. Raises the first LabError after
        everything was tried.
        """
        try:
            self._perform(tasks)
        finally:
            self._glanced = None
            at_s = self._now_s()
            for task in tasks:
                self._jobs[task.container.name] = _Job(task.act, at_s, task.container)

    def _perform(self, tasks: Sequence[Task]) -> None:
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
                self._write_environment(container)
            except OSError as error:
                # It might come up with the image of an earlier container of that name.
                del starts[container.name]
                problems.append(
                    LabError(
                        f"cannot write {self._units}/{container.name}.env: "
                        f"{error.strerror or error}",
                        hint="check free space and permissions: df -h /run",
                    )
                )
        problems += self._run("start", list(starts), wait=False)
        if problems:
            raise problems[0]

    def _is_alive(self, name: str) -> bool:
        try:
            events = _read(f"{self._slice}/{_unit(name)}/cgroup.events")
        except OSError:
            return False  # ended between listing and reading
        return b"populated 1" in events

    def _is_ready(self, name: str) -> bool:
        return os.access(f"{self._runtime}/{name}/ready", os.F_OK)

    def _state(self, name: str, ready: bool) -> UnitState:
        try:
            lines = _read(f"{self._units}/{name}.env").decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []  # as the unit does, for a container that was started by hand
        said = dict(line.split("=", 1) for line in lines if "=" in line)
        created = said.get(_CREATED, "")
        number = int(created) if created.isdecimal() else 0
        return UnitState(said.get(_IMAGE, DEFAULT_IMAGE), ready, created=number)

    def _write_environment(self, container: Container) -> None:
        os.makedirs(self._units, exist_ok=True)
        half = f"{self._units}/.{container.name}.new"
        with open(half, "w", encoding="utf-8") as file:
            file.write(f"{_IMAGE}={container.image}\n{_CREATED}={container.created}\n")
        os.replace(half, f"{self._units}/{container.name}.env")

    def _forget(self, name: str) -> None:
        """Let a container of that name that is started by hand later get the default image."""
        try:
            os.unlink(f"{self._units}/{name}.env")
        except OSError:
            return  # there is none, or the next start fails to replace it and says so

    def _run(self, verb: str, names: Sequence[str], *, wait: bool) -> list[LabError]:
        if not names:
            return []
        command = [self._systemctl, verb, *([] if wait else ["--no-block"]), *map(_unit, names)]
        detail = _spawn(command)
        if not detail:
            return []
        hint = "systemctl's own message is above, in this unit's journal"
        return [LabError(f"{' '.join(command)}: {detail}", hint=hint)]


def _unit(name: str) -> str:
    return f"{_PREFIX}{name}{_SUFFIX}"


def _read(path: str) -> bytes:
    """Return the first 4 KiB of a small file.

    A look reads one for each container, seven times a second, and three system calls cost a fifth
    of what `open` and its layers do.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 4096)
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
