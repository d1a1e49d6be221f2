"""The probe: a kernel with a 1 kB initrd that prints a marker and powers off.

`/dev/kvm` that opens proves little: under some nested hypervisors it creates machines whose
kernels then hang without a word. Only a kernel that has booted proves that kernels boot.
"""

import os
import select
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from provisioning import cpio

MARKER = b"LABPROBE-OK"
# Seconds to the first kernel text and to the marker. Emulation takes 0.4 and 2 where it is alone.
# It is the last resort: where many others are at work, too slow is still better than nothing.
_LIMITS_S = {"kvm": (5.0, 20.0), "tcg": (60.0, 120.0)}


class Boot(NamedTuple):
    """How a probe went. seconds: to the marker, or to giving up. problem: empty if it booted."""

    seconds: float
    problem: str


def boot(accel: str, cpu: str, kernel: Path) -> Boot:
    """Boot `kernel` with the probe under QEMU's accelerator `accel` and say how that went."""
    with tempfile.NamedTemporaryFile(suffix=".cpio") as file:
        file.write(initrd())
        file.flush()
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                ["qemu-system-x86_64", "-machine", "pc", "-accel", accel, "-cpu", cpu, "-m", "128"]
                + ["-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"]
                + ["-serial", "stdio", "-kernel", str(kernel), "-initrd", file.name, "-append"]
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
            return f"the kernel did not get to its first process within {marker_s:g} s"


def _last_words(text: bytes) -> str:
    """The end of QEMU's last line; its assertions begin with a path and are long."""
    lines = text.decode(errors="replace").strip().splitlines()
    return f": …{lines[-1][-60:]}" if lines else " without a word"


def initrd() -> bytes:
    """Return a cpio archive whose /init writes MARKER to the console and powers off."""
    return (
        cpio.entry("dev", mode=0o040755)
        + cpio.entry("dev/console", mode=0o020600, device=(5, 1))
        + cpio.entry("init", _program(), 0o100755)
        + cpio.end()
    )


def _program() -> bytes:
    """An ELF program of 200 bytes: write(1, marker), reboot(POWER_OFF), and no more."""
    message = b"\n" + MARKER + b"\n"
    code = b"".join(
        [
            b"\xb8\x01\x00\x00\x00\xbf\x01\x00\x00\x00",  # eax = write, edi = 1
            b"\x48\x8d\x35\x00\x00\x00\x00",  # rsi = message, patched below
            b"\xba" + struct.pack("<I", len(message)) + b"\x0f\x05",
            b"\xb8\xa9\x00\x00\x00\xbf" + struct.pack("<I", 0xFEE1DEAD),  # eax = reboot
            b"\xbe" + struct.pack("<I", 672274793) + b"\xba" + struct.pack("<I", 0x4321FEDC),
            b"\x0f\x05\xeb\xfe",
        ]
    )
    at = code.index(b"\x48\x8d\x35") + 3
    code = code[:at] + struct.pack("<i", len(code) - at - 4) + code[at + 4 :]
    base, headers = 0x400000, 64 + 56
    size = headers + len(code) + len(message)
    identity = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    elf = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return identity + elf + segment + code + message
