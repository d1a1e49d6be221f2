"""What the lab needs of this machine: found or missing, and the command that supplies it."""

import grp
import os
import pwd
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from provisioning.host import SHARED
from provisioning.run import run

_APPARMOR = Path("/etc/apparmor.d/local/abstractions/libvirt-qemu")
_RULE = f"{SHARED}/** rwk,"
_KEYRING = "debian-archive-keyring"
_PLUGIN = "vagrant-libvirt"
_PLUGIN_FOLDERS = ("/usr/share/rubygems-integration", "/var/lib/gems", "~/.vagrant.d/gems")
# Below the first nothing works; below the second it gets tight.
_DISK_GIB = (1, 5)
_MEMORY_MIB = (512, 2048)

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
    "setpriv": "util-linux",
    "nc": "netcat-openbsd",
    "ssh": "openssh-client",
}
# Push against a real sshd on loopback, and the nginx workload.
_FOR_TESTS = {"sshd": "openssh-server", "nginx": "nginx-light"}
# A server that only a test needs must not begin to serve because it was installed.
_QUIETLY = """
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
"$@"
"""


class Check(NamedTuple):
    """One prerequisite. remedy: the command that supplies it; empty when it is found."""

    name: str
    found: bool
    detail: str
    remedy: str


def checks(*, tests: bool = False) -> list[Check]:
    """Return every prerequisite, in the order in which they are needed.

    tests: also what `make test` needs beyond the lab itself.
    """
    programs = {**_PROGRAMS, **(_FOR_TESTS if tests else {})}
    return [
        *(_program(name, package) for name, package in programs.items()),
        _keyring(),
        _plugin(),
        _shared_folder(),
        _apparmor(),
        _groups(),
        _room("disk below /var", shutil.disk_usage("/var").free // 1024**3, "GiB", _DISK_GIB),
        _room("memory", _memory_mib(), "MiB", _MEMORY_MIB),
    ]


def fix(say: Callable[[str], None], *, tests: bool = False) -> None:
    """Install the packages that are missing and make the shared folder. Idempotent."""
    packages = {package for name, package in _PROGRAMS.items() if not _which(name)}
    packages |= {check.name for check in (_plugin(), _keyring()) if not check.found}
    _install(sorted(packages), say)
    if tests:
        quiet = {package for name, package in _FOR_TESTS.items() if not _which(name)}
        _install(sorted(quiet), say, ["sh", "-c", _QUIETLY, "sh"])
    if not packages:
        say("packages: all installed already")
    if not _shared_folder().found:
        say(f"making {SHARED}")
        owner = [f"--owner={os.geteuid()}"]
        owner += ["--group=libvirt-qemu"] if _has_group("libvirt-qemu") else []
        _root(["install", "-d", "-m", "2750", *owner, str(SHARED)])
    if not _apparmor().found:
        say(f"letting QEMU read {SHARED}: {_APPARMOR}")
        line = f"{_RULE} # pushpull-lab"
        _root(["sh", "-c", 'mkdir -p "${2%/*}" && echo "$1" >> "$2"', "sh", line, str(_APPARMOR)])
    if os.geteuid() != 0:
        for group in filter(_has_group, ("libvirt", "kvm")):
            if _user() not in grp.getgrnam(group).gr_mem:
                _root(["adduser", "--quiet", _user(), group])


def _install(packages: list[str], say: Callable[[str], None], prefix: Sequence[str] = ()) -> None:
    if not packages:
        return
    say(f"installing {', '.join(packages)}")
    # A fresh cloud machine is busy with its own updates: wait for the lock.
    wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"]
    _root(["apt-get", "update", *wait])
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", *wait]
    _root([*prefix, *install, "--no-install-recommends", *packages])


def _program(name: str, package: str) -> Check:
    path = _which(name)
    return Check(name, path is not None, path or "", _apt(package))


def _keyring() -> Check:
    """What mmdebstrap checks Debian's signatures with; Ubuntu does not have it by itself."""
    file = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    return Check(_KEYRING, file.exists(), str(file) if file.exists() else "", _apt(_KEYRING))


def _plugin() -> Check:
    """vagrant-libvirt, looked for as a file: `vagrant plugin list` takes 2 s."""
    for folder in _PLUGIN_FOLDERS:
        for found in Path(folder).expanduser().rglob(f"{_PLUGIN}*.gemspec"):
            return Check(_PLUGIN, True, str(found), "")
    return Check(_PLUGIN, False, "", _apt(_PLUGIN))


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
    """Whether this login may talk to the system's libvirt, and open /dev/kvm where there is one.

    Asked of this process: a group that was joined a moment ago counts from the next login.
    """
    if os.geteuid() == 0:
        return Check("access to libvirt", True, "root", "")
    mine = {grp.getgrgid(group).gr_name for group in os.getgroups()}
    missing = [g for g in ("libvirt", "kvm") if _has_group(g) and g not in mine]
    detail = f"{_user()} is in {', '.join(sorted(mine))}"
    join = " && ".join(f"sudo adduser {_user()} {group}" for group in missing)
    return Check("access to libvirt", not missing, detail, f"{join}, then log in again")


def _room(what: str, free: int, unit: str, limits: tuple[int, int]) -> Check:
    """Missing only where nothing works; a lab that is up has taken its share already."""
    least, good = limits
    tight = f"; tight: {good} are better" if free < good else ""
    detail = f"{free} {unit} free{tight}"
    return Check(what, free >= least, detail, f"make room: {least} {unit} at least")


def _memory_mib() -> int:
    text = Path("/proc/meminfo").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) // 1024


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")


def _apt(package: str) -> str:
    return " ".join([*_sudo(), "apt-get install --no-install-recommends", package])


def _root(argv: list[str]) -> None:
    run([*_sudo(), *argv], hint="is there a way to Debian's mirror? sudo apt-get update")


def _sudo() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo"]


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _has_group(name: str) -> bool:
    return any(group.gr_name == name for group in grp.getgrall())
