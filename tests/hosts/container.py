"""A Debian 13 with systemd as its first process, in a container of its own on this machine.

It has its own mounts, processes, network and cgroups, so the lab's bridges and machines are in
there. The way to the internet is slirp4netns, in user space: it can be cut and comes back.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from provisioning.run import run
from services.core.errors import LabError
from tests.house.repository import ROOT, tracked

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "slirp4netns": "slirp4netns",
    "nsenter": "util-linux",
}
USER = "alice"
_PACKAGES = (
    "systemd,systemd-sysv,dbus,libpam-systemd,sudo,git,make,python3,python3-venv,ca-certificates,"
    "locales,curl,iproute2,procps,openssh-client"
)
_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_LIMIT_S = 120
_CGROUP = "lab-test-host"
# nspawn takes the cgroups that it finds. Where they are of version 1, as in some containers, the
# unified hierarchy is empty, and systemd and libvirt do without controllers.
_UNIFIED = "umount -R -l /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup"
_ENTER = f"{_UNIFIED}; cd /sys/fs/cgroup; mkdir -p {_CGROUP}; echo $$ >{_CGROUP}/cgroup.procs"
_LEAVE = f"{_UNIFIED}; find /sys/fs/cgroup/{_CGROUP} -depth -type d -exec rmdir {{}} +"


class Container:
    """The host that is tested: its root file system is in `folder`/root."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self._log = folder / "log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._slirp: subprocess.Popen[bytes] | None = None

    def build(self) -> None:
        """Make the root file system, with USER and a copy of this checkout in their home.

        Packages and wheels come from where this machine's apt and pip look for them.
        """
        hint = "is there a way to Debian's mirror? apt-get update"
        options = ["--mode=root", "--variant=apt", f"--include={_PACKAGES}"]
        sources = [f"deb {_mirror()} {suite} main" for suite in ("trixie", "trixie-updates")]
        run(["mmdebstrap", *options, "trixie", str(self.root), *sources], hint=hint)
        self._configure()
        for path in tracked("*"):
            shutil.copy(path, self._made(f"/checkout/{path.relative_to(ROOT)}"))
        rule = f"{USER} ALL=(ALL) NOPASSWD:ALL"
        script = (
            f"update-ca-certificates && useradd -m -s /bin/bash -G sudo {USER} && "
            f"echo '{rule}' >/etc/sudoers.d/{USER} && mv /checkout ~{USER}/pushpull-lab && "
            f"chown -R {USER}: ~{USER}"
        )
        run(["chroot", str(self.root), "bash", "-c", script])

    def _configure(self) -> None:
        """Its name, and this machine's ways to packages."""
        for path in ("/etc/pip.conf", "/etc/xdg/pip", "/etc/resolv.conf", str(_CERTIFICATES)):
            if Path(path).exists():
                run(["cp", "-rLT", path, self._made(path)])
        proxies = run(["sh", "-c", "apt-config dump | grep -iE '^Acquire::https?::' || :"])
        Path(self._made("/etc/apt/apt.conf.d/90proxy")).write_text(proxies)
        Path(self._made("/etc/hosts")).write_text("127.0.0.1 localhost testhost\n")
        Path(self._made("/etc/hostname")).write_text("testhost\n")

    def boot(self) -> None:
        """Boot it, without a way to the internet; returns once systemd has started everything."""
        nspawn = ["systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}"]
        nspawn += ["--register=no", "--keep-unit", "--private-network", "--capability=all"]
        nspawn += ["--system-call-filter=@keyring bpf perf_event_open", "--machine=testhost"]
        nspawn += ["--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe"]
        nspawn += ["--bind=/dev/net/tun", *(f"--bind-ro={folder}" for folder in _pip_folders())]
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", f'{_ENTER}; exec "$@"', "sh", *nspawn],
                env={
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                    # libvirt writes the switches of its bridges.
                    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # "degraded": there are no kernel modules to load in a container.
        self._await("boots", lambda: self._state() in ("running", "degraded"))

    def shut_down(self) -> None:
        """Shut it down in an orderly way, as `systemctl poweroff` does."""
        self.disconnect()
        run(self._inside("systemctl", "poweroff"))
        self._await("shuts down", lambda: self._running().poll() is not None)

    def connect(self) -> None:
        """Give it a way to the internet."""
        argv = ["slirp4netns", "--configure", "--mtu=1500", "--disable-host-loopback"]
        with self._log.open("ab") as log:
            self._slirp = subprocess.Popen([*argv, str(self._leader()), "tap0"], stderr=log)
        self._await("gets a way out", lambda: "tap0" in run(self._inside("ip", "route")))

    def disconnect(self) -> None:
        """Cut the way to the internet. Idempotent."""
        if self._slirp is not None:
            self._slirp.terminate()
            self._slirp.wait()
            self._slirp = None

    def do(self, command: str, *, user: str = USER, timeout_s: float = 3600) -> str:
        """Return what `command` prints in a new login of `user`, in the checkout if it is USER's.

        Its standard error goes to ours, which shows how far it is. Raises LabError if it fails.
        """
        place = "cd pushpull-lab && " if user == USER else ""
        done = subprocess.run(
            self._inside("su", "-", user, "-c", place + command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            raise LabError(f"{command!r} ended with {done.returncode}:\n{done.stdout[-4000:]}")
        return done.stdout

    def destroy(self) -> None:
        """End it at once and delete it. Idempotent."""
        self.disconnect()
        if self._nspawn is not None and self._nspawn.poll() is None:
            try:
                # Its first process takes all others along.
                os.kill(self._leader(), signal.SIGKILL)
            except LabError:
                self._nspawn.kill()  # it has none yet
            self._nspawn.wait(_LIMIT_S)
        run(["unshare", "--mount", "sh", "-c", f"{_LEAVE} 2>/dev/null || :"])
        shutil.rmtree(self.root, ignore_errors=True)

    def _made(self, path: str) -> str:
        """`path` in there, with its folder made."""
        inside = self.root / path.lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        if inside.is_symlink():
            inside.unlink()
        return str(inside)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._nspawn is None:
            raise LabError("the host was never booted")
        return self._nspawn

    def _leader(self) -> int:
        """The process that is the first one in there."""
        pid = self._running().pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            raise LabError(f"the host ended:\n{self._log.read_text()[-2000:]}")
        return int(children[0])

    def _inside(self, *words: str) -> list[str]:
        return ["nsenter", "-t", str(self._leader()), "-a", "--", *words]

    def _state(self) -> str:
        with suppress(LabError):
            return run(self._inside("sh", "-c", "systemctl is-system-running || :")).strip()
        return ""

    def _await(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait until `ready`. Raises LabError with the end of nspawn's output."""
        until = time.monotonic() + _LIMIT_S
        while not ready():
            if time.monotonic() > until:
                said = self._log.read_text()[-2000:]
                raise LabError(f"the host {what} not within {_LIMIT_S} s:\n{said}")
            time.sleep(0.5)


@contextmanager
def container(folder: Path) -> Iterator[Container]:
    """A container in `folder` that is gone afterwards, however the block ends."""
    one = Container(folder)
    try:
        yield one
    finally:
        one.destroy()


def missing() -> list[str]:
    """Return the packages that this machine lacks."""
    return sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})


def _mirror() -> str:
    """Where this machine has Debian's packages from, or Debian's own address."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    found = re.findall(r"^\S+/debian/?$", run(words), re.M)
    return found[0] if found else "http://deb.debian.org/debian"


def _pip_folders() -> list[str]:
    """Folders of this machine in which its pip looks for packages."""
    said = run(["python3", "-m", "pip", "config", "list"])
    named = re.findall(r"(?:file://|['\s])(/[^'\s]+)", said)
    return sorted({folder for folder in named if Path(folder).is_dir()})
