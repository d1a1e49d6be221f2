"""Which kind of machines this checkout has: libvirt's, made by Vagrant, or those of plain QEMU.

Looked at by every command, so it must be cheap: a few files, and the user's groups.
"""

import grp
import os
import pwd
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

VAGRANT, QEMU = "vagrant", "qemu"
NAMES = (VAGRANT, QEMU)
VARIABLE = "LAB_PROVIDER"
_NEEDED = ("vagrant", "virsh")
# The groups that sudo lets in, on Debian and elsewhere.
_BECOME_ROOT = ("sudo", "wheel")


class Kind(NamedTuple):
    """name: VAGRANT, QEMU, or what was asked for instead. why: in words, for `lab doctor`."""

    name: str
    why: str


def decide(asked: str, exist: str, lacks: str) -> Kind:
    """Return the kind. Pure.

    asked: for which kind the user asks, exist: of which kind there are machines; either may be
    empty. lacks: why libvirt cannot be used here, empty where it can.
    """
    if asked:
        return Kind(asked, f"asked for by {VARIABLE}")
    if exist:
        return Kind(exist, "this checkout has machines of that kind")
    if lacks:
        return Kind(QEMU, f"libvirt cannot be used here: {lacks}")
    return Kind(VAGRANT, "libvirt can be used here")


def look(root: Path) -> Kind:
    """Return the kind of the checkout `root`."""
    return decide(os.environ.get(VARIABLE, ""), existing(root), _lacks())


def existing(root: Path) -> str:
    """Return of which kind the checkout `root` has machines; empty without any."""
    if any(root.glob(".lab/qemu/machines/*/made.json")):
        return QEMU
    return VAGRANT if any(root.glob(".vagrant/machines/*/libvirt/id")) else ""


def _lacks() -> str:
    """Why libvirt cannot be used; who may become root can install it: lab doctor --fix."""
    if os.geteuid() == 0 or any(map(_in_group, _BECOME_ROOT)):
        return ""
    if not _in_group("libvirt"):
        return "this user may not become root, and is not in the group libvirt"
    missing = [name for name in _NEEDED if not shutil.which(name)]
    return f"{' and '.join(missing)} not installed" if missing else ""


def _in_group(name: str) -> bool:
    """Whether the user is in the group for the system, or for this login."""
    with suppress(KeyError):  # no such group; or a user without a name, as in some containers
        group = grp.getgrnam(name)
        login = {*os.getgroups(), os.getegid()}
        return group.gr_gid in login or pwd.getpwuid(os.geteuid()).pw_name in group.gr_mem
    return False
