"""Who may reach what: the folder that QEMU reads, AppArmor, and the groups of this login."""

import grp
import os
import pwd
from collections.abc import Callable
from pathlib import Path

from provisioning.host import SHARED
from provisioning.host.apt import as_root
from provisioning.host.check import Check

_APPARMOR = Path("/etc/apparmor.d/local/abstractions/libvirt-qemu")
_RULE = f"{SHARED}/** rwk,"
_GROUPS = ("libvirt", "kvm")


def checks() -> list[Check]:
    """Return what is known of folder, AppArmor and groups."""
    return [_shared_folder(), _apparmor(), _groups()]


def fix(say: Callable[[str], None]) -> None:
    """Make what is missing, as root. Idempotent."""
    if not _shared_folder().found:
        say(f"making {SHARED}")
        owner = [f"--owner={os.geteuid()}"]
        owner += ["--group=libvirt-qemu"] if _has_group("libvirt-qemu") else []
        as_root(["install", "-d", "-m", "2750", *owner, str(SHARED)])
    if not _apparmor().found:
        say(f"letting QEMU read {SHARED}: {_APPARMOR}")
        line = f"{_RULE} # pushpull-lab"
        script = 'mkdir -p "${2%/*}" && echo "$1" >> "$2"'
        as_root(["sh", "-c", script, "sh", line, str(_APPARMOR)])
    if os.geteuid() != 0:
        for group in filter(_has_group, _GROUPS):
            if _user() not in grp.getgrnam(group).gr_mem:
                as_root(["adduser", "--quiet", _user(), group])


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
    missing = [group for group in _GROUPS if _has_group(group) and group not in mine]
    detail = f"{_user()} is in {', '.join(sorted(mine))}"
    join = " && ".join(f"sudo adduser {_user()} {group}" for group in missing)
    return Check("access to libvirt", not missing, detail, f"{join}, then log in again")


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _has_group(name: str) -> bool:
    return any(group.gr_name == name for group in grp.getgrall())
