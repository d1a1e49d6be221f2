"""Who may reach what: the folder that QEMU reads, AppArmor, libvirt and /dev/kvm."""

import grp
import os
import pwd
from collections.abc import Callable
from pathlib import Path

from provisioning.host import SHARED
from provisioning.host.check import Check
from provisioning.run import ToolFailed, run, run_as_root

_APPARMOR = Path("/etc/apparmor.d/local/abstractions/libvirt-qemu")
_RULE = f"{SHARED}/** rwk,"
_KVM = Path("/dev/kvm")


def checks(*, plain: bool = False) -> list[Check]:
    """Return what is known of folder, AppArmor, libvirt and KVM; plain: without libvirt."""
    if plain:
        # Where it does not open there is emulation, and only root could change that.
        return [_kvm()._replace(found=True)]
    return [_shared_folder(), _apparmor(), _libvirt(), _kvm()]


def fix(say: Callable[[str], None]) -> None:
    """Make what is missing, as root. Idempotent. What belongs to another user stays theirs."""
    if not SHARED.exists():
        say(f"making {SHARED}")
        owner = [f"--owner={os.geteuid()}"]
        owner += ["--group=libvirt-qemu"] if _has_group("libvirt-qemu") else []
        run_as_root(["install", "-d", "-m", "2750", *owner, str(SHARED)])
    if not _apparmor().found:
        say(f"letting QEMU read {SHARED}: {_APPARMOR}")
        line = f"{_RULE} # pushpull-lab"
        script = 'mkdir -p "${2%/*}" && echo "$1" >> "$2"'
        run_as_root(["sh", "-c", script, "sh", line, str(_APPARMOR)])
    for check, group in ((_libvirt(), "libvirt"), (_kvm(), "kvm")):
        if not check.found and _has_group(group) and not _joined(group):
            say(f"{_user()} joins the group {group}")
            run_as_root(["adduser", "--quiet", _user(), group])


def confined() -> bool:
    """Return whether AppArmor decides what a QEMU of the system's libvirt may read and run."""
    switch = Path("/sys/module/apparmor/parameters/enabled")
    return switch.exists() and switch.read_text().strip() == "Y" and _systemd()


def _shared_folder() -> Check:
    """Where QEMU finds kernels and credentials, whichever user it runs as."""
    name = "shared folder"
    if not SHARED.is_dir() or os.access(SHARED, os.W_OK):
        return Check(name, SHARED.is_dir(), str(SHARED), "lab doctor --fix")
    # Not taken from its owner, whose lab may run from it.
    give = f"sudo chown -R {_user()} {SHARED}"
    return Check(name, False, f"{SHARED} is {SHARED.owner()}'s", f"lab down there, then {give}")


def _apparmor() -> Check:
    """Whether a libvirt that AppArmor confines lets QEMU read our credentials.

    libvirt's own rules name the files of a domain's disks and kernel, not those of -fw_cfg.
    Debian's abstraction includes the local file (apparmor.d/abstractions/libvirt-qemu).
    """
    if not confined():
        return Check("AppArmor", True, "not in the way", "")
    good = _APPARMOR.exists() and _RULE in _APPARMOR.read_text()
    return Check("AppArmor", good, str(_APPARMOR), "lab doctor --fix")


def _libvirt() -> Check:
    """Whether libvirt lets us in: polkit asks for the user's groups, not for this login's."""
    name = "access to libvirt"
    if os.geteuid() == 0:
        return Check(name, True, "root", "")
    if not _systemd():
        return Check(name, False, "without systemd the lab runs a libvirtd of its own", "be root")
    try:
        uri = run(["virsh", "--connect", "qemu:///system", "uri"], timeout_s=30).strip()
    except ToolFailed as error:
        joined = "log in again; or systemctl status libvirtd.socket"
        remedy = joined if _joined("libvirt") else f"sudo adduser {_user()} libvirt"
        return Check(name, False, error.output.strip(), remedy)
    return Check(name, True, f"{_user()} may use {uri}", "")


def _kvm() -> Check:
    """Whether /dev/kvm opens, where there is one; there a group counts from the next login only."""
    if not _KVM.exists() or os.environ.get("LAB_ACCEL") == "tcg":
        return Check(str(_KVM), True, "not used: emulation", "")
    good = os.access(_KVM, os.R_OK | os.W_OK)
    detail = "" if good else f"{_user()} may not open it; LAB_ACCEL=tcg does without"
    join = "" if _joined("kvm") else f"sudo adduser {_user()} kvm, then "
    return Check(str(_KVM), good, detail, f"{join}log in again")


def _joined(group: str) -> bool:
    """Whether the user is in `group` for the system, whatever this login knows of it."""
    return _has_group(group) and _user() in grp.getgrnam(group).gr_mem


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _has_group(name: str) -> bool:
    return any(group.gr_name == name for group in grp.getgrall())


def _systemd() -> bool:
    return Path("/run/systemd/system").exists()
