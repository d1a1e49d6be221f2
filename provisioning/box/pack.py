"""From a root file system to a box: ext4, qcow2, Vagrant's archive, and its manifest."""

import hashlib
import json
import shutil
from pathlib import Path

from provisioning.box import ext4
from provisioning.box.cache import NAME
from provisioning.box.rootfs import EPOCH_S
from provisioning.run import run

SIZE_MIB = 1024
FILE = f"{NAME}.box"
MANIFEST = "manifest.json"
_VAGRANTFILE = Path(__file__).with_name("Vagrantfile.box")


def images(root: Path, out: Path) -> None:
    """Write box.img, vmlinuz and initrd to `out`. The last two are taken from beside `root`."""
    raw = root.parent / "disk.raw"
    ext4.make(root, raw, size_mib=SIZE_MIB, epoch_s=EPOCH_S)
    run(
        ["qemu-img", "convert", "-c", "-o", "compression_type=zstd", "-f", "raw", "-O", "qcow2"]
        + [str(raw), str(out / "box.img")]
    )
    for name in ("vmlinuz", "initrd"):
        shutil.move(root.parent / name, out / name)


def archive(out: Path) -> None:
    """Pack what is in `out` into a box there, and write its manifest last."""
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": SIZE_MIB // 1024}
    (out / "metadata.json").write_text(json.dumps(metadata) + "\n")
    shutil.copy(_VAGRANTFILE, out / "Vagrantfile")
    members = ["metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd"]
    run(
        ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"]
        + ["--mode=u=rw,go=r", f"--mtime=@{EPOCH_S}", "-C", str(out), "-cf", str(out / FILE)]
        + members
    )
    manifest = {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in ("box.img", "vmlinuz", "initrd", FILE)
    }
    (out / "box.img").unlink()
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
