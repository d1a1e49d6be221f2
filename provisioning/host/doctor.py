"""What the lab needs of this machine: found or missing, and the command that supplies it."""

import grp
import os
import pwd
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from provisioning.run import run

SHARED = Path("/var/lib/pushpull-lab")
_APPARMOR = Path("/etc/apparmor.d/local/abstractions/libvirt-qemu")
_RULE = f"{SHARED}/** rwk,"
_FREE_GIB = 5
_MEMORY_MIB = 2048

# What is looked for -> the package of Debian and Ubuntu that brings it.
_PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "libvirtd": "libvirt-daemon-system",
    "virsh": "libvirt-clients",
    "vagrant": "vagrant",
    "dnsmasq": "dnsmasq-base",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "ip": "iproute2",
    "nc": "netcat-openbsd",
    "ssh": "openssh-client",
    # Tests only: push against a real sshd on loopback, the nginx workload.
    "sshd": "openssh-server",
    "nginx": "nginx-light",
}
_PLUGIN = ("vagrant-libvirt", "vagrant-libvirt")
_PLUGIN_FOLDERS = ("/usr/share/rubygems-integration", "/var/lib/gems", "~/.vagrant.d/gems")


class Check(NamedTuple):
    """One prerequisite. remedy: the command that supplies it; empty when it is found."""

    name: str
    found: bool
    detail: str
    remedy: str


def checks() -> list[Check]:
    """Return every prerequisite, in the order in which they are needed."""
    return [
        *(_program(name, package) for name, package in _PROGRAMS.items()),
        _plugin(),
        _shared_folder(),
        _apparmor(),
        _groups(),
        _disk(),
        _memory(),
    ]


def fix(say: Callable[[str], None]) -> None:
    """Install the packages that are missing and make the shared folder. Idempotent."""
    packages = sorted(
        {package for name, package in _PROGRAMS.items() if not _which(name)}
        | (set() if _plugin().found else {_PLUGIN[1]})
    )
    if packages:
        say(f"installing {', '.join(packages)}")
        _root(["apt-get", "update", "-qq"])
        quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq"]
        # A server that a test needs must not start to serve because we installed it.
        _root([*quiet, "-o", "Dpkg::Use-Pty=0", "--no-install-recommends", *packages])
    else:
        say("packages: all installed already")
    if not _shared_folder().found:
        say(f"making {SHARED}")
        owner = [f"--owner={os.geteuid()}"]
        group = ["--group=libvirt-qemu"] if _has_group("libvirt-qemu") else []
        _root(["install", "-d", "-m", "2750", *owner, *group, str(SHARED)])
    if not _apparmor().found:
        say(f"letting QEMU read {SHARED}: {_APPARMOR}")
        line = f"{_RULE} # pushpull-lab"
        _root(["sh", "-c", 'mkdir -p "${2%/*}" && echo "$1" >> "$2"', "sh", line, str(_APPARMOR)])
    if not _groups().found:
        _root(["adduser", "--quiet", _user(), "libvirt"])


def _program(name: str, package: str) -> Check:
    path = _which(name)
    return Check(name, path is not None, path or "", _install([package]))


def _plugin() -> Check:
    """vagrant-libvirt, looked for as a file: `vagrant plugin list` takes 2 s."""
    name, package = _PLUGIN
    for folder in _PLUGIN_FOLDERS:
        for found in Path(folder).expanduser().rglob(f"{name}*.gemspec"):
            return Check(name, True, str(found), "")
    return Check(name, False, "", _install([package]))


def _shared_folder() -> Check:
    """Where QEMU finds kernels and credentials, whichever user it runs as."""
    good = SHARED.is_dir() and os.access(SHARED, os.W_OK)
    return Check("shared folder", good, str(SHARED), "lab doctor --fix")


def _apparmor() -> Check:
    """Whether a libvirt that AppArmor confines lets QEMU read our credentials.

    libvirt's own rules name the files of a domain's disks and kernel, not those of -fw_cfg.
    Debian's abstraction includes the local file (apparmor.d/abstractions/libvirt-qemu).
    """
    switch = Path("/sys/module/apparmor/parameters/enabled")
    confined = switch.exists() and switch.read_text().strip() == "Y"
    if not confined or not Path("/run/systemd/system").exists():
        return Check("AppArmor", True, "not in the way", "")
    good = _APPARMOR.exists() and _RULE in _APPARMOR.read_text()
    return Check("AppArmor", good, str(_APPARMOR), "lab doctor --fix")


def _groups() -> Check:
    """Whether this user may talk to the system's libvirt."""
    user = _user()
    if os.geteuid() == 0:
        return Check("access to libvirt", True, "root", "")
    member = _has_group("libvirt") and user in grp.getgrnam("libvirt").gr_mem
    remedy = f"sudo adduser {user} libvirt, then log in again"
    return Check("access to libvirt", member, f"{user} in group libvirt", remedy)


def _disk() -> Check:
    """Room for the box, its build and four thin disks."""
    free_gib = shutil.disk_usage("/var").free / 1024**3
    detail = f"{free_gib:.0f} GiB free below /var, {_FREE_GIB} needed"
    return Check("disk", free_gib >= _FREE_GIB, detail, "make room: df -h /var")


def _memory() -> Check:
    text = Path("/proc/meminfo").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("MemAvailable"))
    free_mib = int(line.split()[1]) // 1024
    detail = f"{free_mib} MiB available, {_MEMORY_MIB} needed"
    return Check("memory", free_mib >= _MEMORY_MIB, detail, "end what needs much: free -h")


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")


def _install(packages: Iterable[str]) -> str:
    return f"{' '.join([*_sudo(), 'apt-get install --no-install-recommends'])} {' '.join(packages)}"


def _root(argv: list[str]) -> None:
    run([*_sudo(), *argv], hint="is there a way to Debian's mirror? sudo apt-get update")


def _sudo() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo"]


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _has_group(name: str) -> bool:
    return any(group.gr_name == name for group in grp.getgrall())
