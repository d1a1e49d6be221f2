"""What a saved lab needs of the computer that it is thawed on, beside its box."""

import re
from pathlib import Path

from lab.snapshot.state import State
from provisioning.run import run

_MACHINE = re.compile(r"<type [^>]*machine=['\"]([^'\"]+)['\"]")
_EMULATOR = re.compile("<emulator>([^<]+)</emulator>")


def machine_type(saved: State) -> str:
    """Return QEMU's machine type of a frozen lab (pc-i440fx-7.2); empty if unknown."""
    return next(iter(_all(_MACHINE, saved)), "")


def missing(saved: State) -> tuple[str, str]:
    """Return what of it is not here, and a hint; two empty texts if all is here."""
    kind = machine_type(saved)
    known = run(["qemu-system-x86_64", "-machine", "help"]).split()
    if kind and kind not in known:
        needs = f"its memory is of a machine {kind}, which the QEMU here does not know"
        return needs, "a QEMU as new as the one that saved it: lab doctor"
    for emulator in _all(_EMULATOR, saved):
        if not Path(emulator).exists():
            needs = f"its machines run under {emulator}, which is not here"
            return needs, "git checkout the version that saved it, then lab up both, once"
    return "", ""


def _all(pattern: re.Pattern[str], saved: State) -> list[str]:
    """What `pattern` finds in the definitions of the machines, each once, in order."""
    found = (pattern.search(machine.xml) for machine in saved.machines)
    return sorted({match[1] for match in found if match})
