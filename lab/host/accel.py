"""Which accelerator the machines run under, and how fast that makes them."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from lab.host import probe
from services.core.errors import LabError
from services.core.fields import decode

CHOICES = ("kvm", "tcg")
# What the probe takes where KVM works: the unit in which a machine's slowness is counted.
_REFERENCE_S = 0.25
_SLOWEST = 40.0


class Accel(NamedTuple):
    """name: kvm or tcg. slowness: 1 on an ordinary machine with KVM, 8 to 30 under emulation.

    why: one line for `lab doctor` and the first line of `lab up`.
    """

    name: str
    slowness: float
    why: str


def choose(kernel: Path, cache: Path) -> Accel:
    """Return the accelerator to use; asked of `kernel` once per boot of the host.

    cache: the file that keeps the answer. LAB_ACCEL=kvm|tcg overrides the choice, not the
    measurement. Raises LabError where not even emulation boots a kernel, and for
    another value of LAB_ACCEL.
    """
    asked = os.environ.get("LAB_ACCEL", "")
    if asked and asked not in CHOICES:
        raise LabError(f"LAB_ACCEL={asked!r} is not an accelerator", hint="use kvm or tcg")
    access = os.access("/dev/kvm", os.R_OK | os.W_OK)
    key = f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {kernel} {asked} {access}"
    try:
        stored = decode(cache.read_text())
        if stored["key"] == key:
            return Accel(*stored["accel"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    accel = _ask(kernel, asked)
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(json.dumps({"key": key, "accel": accel}))
    return accel


def _ask(kernel: Path, asked: str) -> Accel:
    if asked != "tcg":
        tried = probe.boot("kvm", "host", kernel)
        if asked == "kvm" or not tried.problem:
            verdict = tried.problem or f"a kernel booted in {tried.seconds:.1f} s"
            return Accel("kvm", _slowness(tried.seconds), f"KVM: {verdict}")
        reason = f"KVM does not work here ({tried.problem})"
    else:
        reason = "asked for by LAB_ACCEL"
    emulated = probe.boot("tcg", "qemu64", kernel)
    if emulated.problem:
        raise LabError(
            f"no machine boots on this host: {emulated.problem}",
            hint="is qemu-system-x86 whole? lab doctor; is the box? lab box build",
        )
    why = f"emulation: {reason}; a kernel boots in {emulated.seconds:.1f} s"
    return Accel("tcg", _slowness(emulated.seconds), why)


def _slowness(seconds: float) -> float:
    return round(min(max(1.0, seconds / _REFERENCE_S), _SLOWEST), 1)
