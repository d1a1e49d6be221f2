"""The probe: a kernel without a root file system, which panics with a known line.

`/dev/kvm` that opens proves little: under some nested hypervisors it creates machines whose
kernels then hang without a word. Only a kernel that has booted proves that kernels boot.
"""

import os
import select
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

# The last thing that a kernel does before its first process, which would be on the root.
MARKER = b"VFS: Unable to mount root fs"
# Seconds to the first kernel text and to the marker. Emulation takes 0.4 and 2 where it is alone.
# It is the last resort: where many others are at work, too slow is still better than nothing.
_LIMITS_S = {"kvm": (5.0, 20.0), "tcg": (60.0, 120.0)}


class Boot(NamedTuple):
    """How a probe went. seconds: to the marker, or to giving up. problem: empty if it booted."""

    seconds: float
    problem: str


def boot(accel: str, cpu: str, kernel: Path) -> Boot:
    """Boot `kernel` under QEMU's accelerator `accel` as far as it gets, and say how that went."""
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            ["qemu-system-x86_64", "-machine", "pc", "-accel", accel, "-cpu", cpu, "-m", "128"]
            + ["-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"]
            + ["-serial", "stdio", "-kernel", str(kernel), "-append"]
            + ["console=ttyS0 earlyprintk=ttyS0 edd=off panic=-1 mitigations=off nokaslr"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        return Boot(0.0, "qemu-system-x86_64 is not installed")
    with process:
        problem = _watch(process, started, *_LIMITS_S[accel])
        process.kill()
    return Boot(time.monotonic() - started, problem)


def _watch(
    process: "subprocess.Popen[bytes]", started: float, text_s: float, marker_s: float
) -> str:
    """Read the console until the marker (empty answer) or until there is no hope (the reason)."""
    assert process.stdout is not None  # noqa: S101 - opened above as a pipe
    text = b""
    while True:
        waited = time.monotonic() - started
        if select.select([process.stdout], [], [], 0.05)[0]:
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return f"QEMU ended{_last_words(text)}"
            text += chunk
        if MARKER in text:
            return ""
        if b"Linux version" not in text and waited > text_s:
            return f"the kernel printed nothing within {text_s:g} s"
        if waited > marker_s:
            return f"the kernel did not get to its root file system within {marker_s:g} s"


def _last_words(text: bytes) -> str:
    """The end of QEMU's last line; its assertions begin with a path and are long."""
    lines = text.decode(errors="replace").strip().splitlines()
    return f": …{lines[-1][-60:]}" if lines else " without a word"
