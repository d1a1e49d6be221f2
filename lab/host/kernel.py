"""The kernel that QEMU is given: under emulation one that need not unpack itself.

A bzImage holds the kernel proper, compressed, and a program that unpacks it; emulated, that takes
a second. QEMU also starts the kernel proper, by its PVH entry: kernel.org, Documentation/arch/x86/
boot.rst, "The Linux/x86 Boot Protocol", and docs/system/i386/pvh in QEMU's own.
"""

import os
import shutil
import struct
from pathlib import Path

from lab.host.shared import share as share_file
from provisioning.box.build import Box
from provisioning.host import programs
from provisioning.run import run

_MAGIC_AT, _MAGIC = 0x202, b"HdrS"
_SETUP_SECTORS_AT, _PAYLOAD_AT = 0x1F1, 0x248
_ZSTD = b"\x28\xb5\x2f\xfd"
# Behind what is compressed stands its size unpacked.
_SIZE_BYTES = 4


def share(box: Box, accel: str) -> Path:
    """Return the kernel of `box` for QEMU under `accel`, where QEMU may read it.

    Its name begins with the key of the box. It is read and unpacked the first time only; where
    there is no zstd, the machine unpacks it at each boot.
    """
    packed = box.folder / "vmlinuz"
    if accel == "tcg" and programs.which("zstd"):
        return share_file(packed, f"{box.key}-vmlinux", make=_unpack)
    return share_file(packed, f"{box.key}-vmlinuz")


def compressed(image: bytes) -> bytes:
    """Return the kernel in the bzImage `image`, as zstd has it; empty if that is not how it is."""
    if image[_MAGIC_AT : _MAGIC_AT + 4] != _MAGIC:
        return b""
    offset, length = struct.unpack_from("<II", image, _PAYLOAD_AT)
    begin = (image[_SETUP_SECTORS_AT] + 1) * 512 + offset
    payload = image[begin : begin + length - _SIZE_BYTES]
    return payload if payload.startswith(_ZSTD) else b""


def _unpack(packed: Path, target: Path) -> None:
    """Write the kernel proper to `target`; a bzImage that is not understood stays what it is."""
    payload = compressed(packed.read_bytes())
    if not payload:
        shutil.copyfile(packed, target)
        return
    part = target.with_name(f"{target.name}.{os.getpid()}.zst")
    part.write_bytes(payload)
    try:
        run(["zstd", "--decompress", "--quiet", "--force", "-o", str(target), str(part)])
    finally:
        part.unlink()
