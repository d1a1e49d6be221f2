"""The guest's root file system in a folder: packages, wheels, the guests' own set-up, trimmed."""

import shutil
import subprocess
from pathlib import Path

from provisioning.box import initrd, trim
from provisioning.box.cache import Say
from provisioning.guest import source
from provisioning.run import run

# The only time in the image (systemd refuses a clock before its own release, see systemd(1)).
EPOCH_S = 1_767_225_600
ROOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_rng")


def make(base: Path, site: Path, root: Path, say: Say) -> None:
    """Unpack `base` to `root` and make a guest of it; kernel and initrd end up beside `root`.

    site: the folder of Python libraries.
    """
    say("root file system: unpack, wheels, guest set-up, trim")
    root.mkdir()
    # Without --xattrs ping loses its capability.
    run(["tar", "--xattrs", "--xattrs-include=*", "-C", str(root), "-xpf", str(base)])
    kernel = next((root / "boot").glob("vmlinuz-*"))
    # Into one memory page short of the modules: the box keeps the kernel beside the disk.
    shutil.copy(kernel, root.parent / "vmlinuz")
    (root.parent / "initrd").write_bytes(initrd.build(root, ROOT_MODULES))
    shutil.copytree(site, root / "opt/lab/site")
    trim.trim(root)
    _guest_setup(root)
    _compile(root)
    trim.clamp_times(root, EPOCH_S)


def _guest_setup(root: Path) -> None:
    """Run the guests' own set-up in a chroot, as it runs on a live machine."""
    lab = root / "opt/lab"
    subprocess.run(["tar", "-C", str(lab), "-xf", "-"], input=source.archive(), check=True)
    run(
        ["chroot", str(root), "/usr/bin/env", "--chdir=/opt/lab", "PYTHONDONTWRITEBYTECODE=1"]
        + ["python3", "-S", "-m", "provisioning.guest.setup", "--digest", source.digest()]
    )


def _compile(root: Path) -> None:
    """Byte-compile ahead, by content and not by time: a guest without cache pays seconds."""
    run(
        ["chroot", str(root), "/usr/bin/env", "--chdir=/opt/lab", "python3", "-m", "compileall"]
        + ["-q", "--invalidation-mode", "checked-hash", "services", "provisioning", "site"]
    )
