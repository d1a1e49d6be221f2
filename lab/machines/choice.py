"""Which kind of machines this lab has, and what only some kinds can do."""

from lab import kind, paths
from lab.machines import vagrant
from lab.machines.provider import Provider
from services.core.errors import LabError


def chosen() -> Provider:
    """Return the provider of this checkout's machines; raises LabError for an unknown name."""
    name = paths.KIND.name
    if name not in kind.NAMES:
        raise LabError(
            f"{kind.VARIABLE}={name!r} is no kind of machines",
            hint=f"use one of: {', '.join(kind.NAMES)}",
        )
    exist = kind.existing(paths.ROOT)
    if exist not in ("", name):
        raise LabError(
            f"this checkout has machines of the kind {exist!r}, not {name!r}",
            hint=f"use those; or delete them first: {kind.VARIABLE}={exist} lab down",
        )
    if name == kind.QEMU:
        from lab.machines.qemu import machines

        return machines
    return vagrant


def check_saves() -> None:
    """Raise LabError where machines of this kind cannot be saved."""
    if not chosen().saves():
        raise LabError(
            f"machines of the kind {paths.KIND.name!r} cannot be saved: freeze, thaw and chapters "
            "need libvirt",
            hint="lab doctor says why this kind was chosen",
        )
