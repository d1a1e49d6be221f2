"""The accelerator as `lab doctor` shows it: which one, why, and how slow it makes the machines."""

from lab import paths
from lab.host import accel
from provisioning.box import build
from provisioning.host.check import Check
from services.core.errors import LabError

_NAME = "accelerator"


def check() -> Check:
    """Return the answer of the probe, which is asked once per boot of the host.

    The probe boots the box's kernel: without a box there is no answer yet, which is no fault.
    """
    box = build.wanted()
    if not build.exists(box):
        return Check(_NAME, True, "not probed yet: no box (lab box build)", "")
    try:
        chosen = accel.choose(box.folder / "vmlinuz", paths.ACCEL)
    except LabError as error:
        return Check(_NAME, False, str(error), error.hint)
    slower = f"; a machine is {chosen.slowness:g} times slower than with KVM"
    return Check(_NAME, True, chosen.why + (slower if chosen.slowness > 1 else ""), "")
