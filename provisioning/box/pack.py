"""From a root file system to a box: ext4, qcow2, and Vagrant's archive."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from provisioning.box import ext4, manifest
from provisioning.box.cache import NAME
from provisioning.box.manifest import Facts
from provisioning.box.rootfs import EPOCH_S
from provisioning.box.tools import Tools
from services.core.errors import LabError

SIZE_MIB = 1024
FILE = f"{NAME}.box"
# What box.img is before it is compressed.
ROOTFS = "rootfs.ext4"
# What a box may weigh: it is handed on over conference networks and on sticks.
LIMIT_MB = 200
_NAMED = 8
_VAGRANTFILE = Path(__file__).with_name("Vagrantfile.box")


def images(root: Path, out: Path, tools: Tools) -> Facts:
    """Write box.img, vmlinuz and initrd to `out`; return the facts of the raw file system.

    The last two are taken from beside `root`.
    """
    raw = root.parent / "disk.raw"
    ext4.make(root, raw, size_mib=SIZE_MIB, epoch_s=EPOCH_S, tools=tools)
    tools.run(
        ["qemu-img", "convert", "-c", "-o", "compression_type=zstd", "-f", "raw", "-O", "qcow2"]
        + [str(raw), str(out / "box.img")]
    )
    for name in ("vmlinuz", "initrd"):
        shutil.move(root.parent / name, out / name)
    return manifest.part(raw)


def check_size(file: Path, parts: Sequence[tuple[str, int]]) -> None:
    """Raise LabError if the box file is beyond LIMIT_MB.

    parts: (name, bytes before compression) of its content, largest first.
    """
    size_b = file.stat().st_size
    if size_b > LIMIT_MB * 1_000_000:
        named = ", ".join(f"{name} {part_b / 1e6:.1f} MB" for name, part_b in parts[:_NAMED])
        raise LabError(
            f"the box is {size_b / 1e6:.1f} MB; the limit is {LIMIT_MB} MB. Its largest parts, "
            f"before compression: {named}",
            hint="provisioning/box/packages.txt says what is in it, trim.py what is taken out",
        )


def archive(out: Path, rootfs: Facts, tools: Tools) -> dict[str, Facts]:
    """Pack what is in `out` into a box there; return the facts of everything that was built.

    The raw file system is listed too: it says whether disks differ in more than compression.
    """
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": SIZE_MIB // 1024}
    (out / "metadata.json").write_text(json.dumps(metadata) + "\n")
    shutil.copy(_VAGRANTFILE, out / "Vagrantfile")
    tools.run(
        ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"]
        + ["--mode=u=rw,go=r", f"--mtime=@{EPOCH_S}", "-C", str(out), "-cf", str(out / FILE)]
        + ["metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd"]
    )
    built = ("vmlinuz", "initrd", "box.img", FILE)
    facts = {ROOTFS: rootfs} | {name: manifest.part(out / name) for name in built}
    (out / "box.img").unlink()
    return facts
