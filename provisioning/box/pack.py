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
# What box.img is before it is compressed.
ROOTFS = "rootfs.ext4"
_VAGRANTFILE = Path(__file__).with_name("Vagrantfile.box")


def images(root: Path, out: Path) -> str:
    """Write box.img, vmlinuz and initrd to `out`; return the SHA-256 of the raw file system.

    The last two are taken from beside `root`.
    """
    raw = root.parent / "disk.raw"
    ext4.make(root, raw, size_mib=SIZE_MIB, epoch_s=EPOCH_S)
    run(
        ["qemu-img", "convert", "-c", "-o", "compression_type=zstd", "-f", "raw", "-O", "qcow2"]
        + [str(raw), str(out / "box.img")]
    )
    for name in ("vmlinuz", "initrd"):
        shutil.move(root.parent / name, out / name)
    return sha256(raw)


def archive(out: Path, rootfs_sha256: str) -> None:
    """Pack what is in `out` into a box there, and write its manifest last.

    The manifest has the SHA-256 of everything that was built. box.img is compressed, so another
    version of its compressor changes it; the raw file system says whether the content is equal.
    """
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": SIZE_MIB // 1024}
    (out / "metadata.json").write_text(json.dumps(metadata) + "\n")
    shutil.copy(_VAGRANTFILE, out / "Vagrantfile")
    members = ["metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd"]
    run(
        ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"]
        + ["--mode=u=rw,go=r", f"--mtime=@{EPOCH_S}", "-C", str(out), "-cf", str(out / FILE)]
        + members
    )
    built = ("vmlinuz", "initrd", "box.img", FILE)
    manifest = {ROOTFS: rootfs_sha256} | {name: sha256(out / name) for name in built}
    (out / "box.img").unlink()
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


def manifest(folder: Path) -> dict[str, str]:
    """Return name -> sha256 of what was built into `folder`."""
    hashes: dict[str, str] = json.loads((folder / MANIFEST).read_text())
    return hashes


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
