"""End a machine at once; its disk is not needed any more."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from lab.host.virsh import domains, virsh
from provisioning.run import ToolFailed

_RUN = Path("/run/libvirt/qemu")


def pull(full: str) -> None:
    """End the QEMU of domain `full` where it stands; its disk is worth nothing then. Idempotent.

    `virsh destroy` alone asks QEMU to end, which writes back its part of the disk, and looks
    only every 0.2 s whether it has. Where the disk is needed, `virsh destroy` is the
    way: QEMU may have much of it in memory (cache=unsafe).
    """
    _kill(full)
    try:
        virsh("destroy", full)
    except ToolFailed:
        # libvirt may have noticed before we asked.
        if domains(full).get("") not in (None, "shut off", "crashed"):
            raise


def runs(full: str) -> bool:
    """Return whether domain `full` has a QEMU, without asking libvirt."""
    try:
        return _is_qemu(_pid(full), full)
    except (OSError, ValueError):
        return False


def _pid(full: str) -> int:
    return int((_RUN / f"{full}.pid").read_text())


def _is_qemu(pid: int, full: str) -> bool:
    return f"guest={full},".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def _kill(full: str) -> None:
    """Kill the QEMU of domain `full`, if that is ours to do; libvirt asks it to end otherwise."""
    with suppress(OSError, ValueError):
        pid = _pid(full)
        process = os.pidfd_open(pid)
        try:
            if _is_qemu(pid, full):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            os.close(process)
