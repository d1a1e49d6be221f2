"""Our own libvirtd for machines without systemd, inside the lab's network namespace."""

import os
import signal
import subprocess
import time
from pathlib import Path

from lab import paths
from lab.host import netns, virsh
from provisioning.run import run
from services.core.errors import LabError

_DAEMONS = ("virtlogd", "libvirtd")
# security_driver, user: there is no AppArmor and no other user to hide from in a container.
# cgroup_controllers, namespaces: a container's cgroups and mounts are not ours to arrange.
# capability_filters: libvirt asks each QEMU that it starts for every property of its processor,
# more than 400 questions. QEMU reads them byte by byte and is busy for 0.25 s, four times a thaw.
# Without what libvirt calls so it asks for the same in two words, as it does of an older QEMU.
_QEMU_CONF = """security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = [ ]
namespaces = [ ]
remember_owner = 0
capability_filters = [ "cpu-unavailable-features" ]
"""
_START_S = 20


def ensure(namespace: str) -> None:
    """Start what is not running: namespace, tun device, virtlogd, libvirtd. Idempotent.

    Raises LabError where another libvirtd serves the socket, or ours does not answer.
    """
    if not ours() and virsh.answers():
        raise LabError(
            f"another libvirtd is running; the lab cannot start its own in {namespace!r}",
            hint="unset LAB_NETNS to use that one, or stop it: "
            "systemctl stop libvirtd.socket libvirtd.service",
        )
    paths.RUN.mkdir(parents=True, exist_ok=True)
    netns.ensure(namespace)
    if not Path("/dev/net/tun").exists():
        Path("/dev/net").mkdir(exist_ok=True)
        run(["mknod", "/dev/net/tun", "c", "10", "200"], hint="a tun device needs root")
    (paths.RUN / "qemu.conf").write_text(_QEMU_CONF)
    for daemon in _DAEMONS:
        if _pid(daemon) is None:
            _start(daemon, namespace)
    deadline = time.monotonic() + _START_S
    while not virsh.answers():
        if time.monotonic() > deadline:
            raise _silent()
        time.sleep(0.1)


def _silent() -> LabError:
    log = _log("libvirtd")
    tail = log.read_text().splitlines()[-3:] if log.exists() else []
    return LabError(
        f"libvirtd does not answer after {_START_S} s: {' / '.join(tail) or 'no output'}",
        hint=f"read {log}; is another libvirtd running? lab doctor",
    )


def stop() -> None:
    """End the daemons that `ensure` started, and nothing else. Idempotent."""
    for daemon in reversed(_DAEMONS):
        pid = _pid(daemon)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            _await_end(pid)
        _pid_file(daemon).unlink(missing_ok=True)


def ours() -> bool:
    """Return whether a libvirtd that we started is running."""
    return _pid("libvirtd") is not None


def complete(namespace: str | None) -> bool:
    """Return whether every daemon that `ensure` starts runs; none is needed without a namespace."""
    return namespace is None or all(_pid(daemon) is not None for daemon in _DAEMONS)


def _start(daemon: str, namespace: str) -> None:
    """A mount namespace of its own lets it read our qemu.conf and leaves the host's alone.

    tini: QEMUs are orphans, and a container's first process reaps those late or never; libvirt
    waits for that before it believes that one has ended.
    """
    script = (
        f"mount --bind {paths.RUN}/qemu.conf /etc/libvirt/qemu.conf && "
        f"exec tini -s -- {daemon} --pid-file {_pid_file(daemon)}"
    )
    with _log(daemon).open("ab") as log:
        subprocess.Popen(
            [*netns.prefix(namespace), "unshare", "--mount", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
        )


def _pid_file(daemon: str) -> Path:
    return paths.RUN / f"{daemon}.pid"


def _log(daemon: str) -> Path:
    return paths.RUN / f"{daemon}.log"


def _pid(daemon: str) -> int | None:
    """The daemon's process id, if the process in our file still is that daemon."""
    try:
        pid = int(_pid_file(daemon).read_text())
        return pid if Path(f"/proc/{pid}/comm").read_text().strip() == daemon else None
    except (OSError, ValueError):
        return None


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return  # In some containers no process reaps orphans.
        except FileNotFoundError:
            return
        time.sleep(0.05)
