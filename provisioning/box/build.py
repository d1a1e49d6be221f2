"""Build the box: packages -> root file system -> ext4 -> qcow2 -> Vagrant box.

Every step has a key over all its inputs, and its result is kept under that key in the cache,
so a build that changes nothing does nothing, and one that changes a unit file skips mmdebstrap.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from provisioning.box import cache, ext4, initrd, trim
from provisioning.box.cache import NAME, Say
from provisioning.guest import source
from provisioning.run import run
from services.core.errors import LabError

# Debian 13: docs/decisions/0002-guest-debian-13.md has the comparison with 12.
SUITE = "trixie"
# The only time in the image (systemd refuses a clock before its own release, see systemd(1)).
EPOCH_S = 1_767_225_600
SIZE_MIB = 1024
ROOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_rng")

_HERE = Path(__file__).parent


class Box(NamedTuple):
    """A box in the cache. folder holds NAME.box, vmlinuz, initrd and manifest.json."""

    key: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / f"{NAME}.box"

    @property
    def version(self) -> str:
        """The key as a version number, which is all that Vagrant accepts."""
        return f"0.1.{int(self.key[:12], 16)}"


def wanted() -> Box:
    """Return the box that this checkout asks for, whether it exists or not.

    Its key leaves out services/: a running machine takes new code over SSH in a second.
    """
    total = hashlib.sha256(_base_key().encode())
    for name, path in source.files():
        if name.startswith("provisioning/"):
            total.update(f"{name}\0".encode() + path.read_bytes())
    for path in sorted(_HERE.glob("*.py")):
        total.update(path.read_bytes())
    key = total.hexdigest()[:16]
    return Box(key, cache.folder() / f"box-{key}")


def exists(box: Box) -> bool:
    """Return whether `box` is whole in the cache: its manifest is written last."""
    return (box.folder / "manifest.json").exists()


def build(say: Say) -> Box:
    """Build the wanted box if it is not there, and return it. say: called with each step.

    Needs root, as mmdebstrap and chroot do. Interrupted at any point it leaves the cache as
    it was: results get their name only when they are whole.
    """
    box = wanted()
    if exists(box):
        say(f"box {box.key}: built already ({box.file})")
        return box
    if os.geteuid() != 0:
        say("building needs root: sudo")
        _build_as_root()
        return box
    with cache.workspace() as work:
        base = _base_tar(say)
        root = work / "root"
        _root_file_system(base, root, say)
        out = work / "out"
        out.mkdir()
        _images(root, out, say)
        _write_box(out, box, say)
        if box.folder.exists():
            shutil.rmtree(box.folder)
        out.rename(box.folder)
    cache.prune(box.folder)
    return box


def _build_as_root() -> None:
    """The same build under sudo, into the same cache."""
    command = ["sudo", "env", f"LAB_CACHE={cache.folder()}", sys.executable, "-m", __name__]
    code = subprocess.run(command, cwd=_HERE.parents[1], check=False).returncode
    if code:
        raise LabError(f"the build under sudo ended with {code}", hint="see what it said above")


def _base_key() -> str:
    recipe = "".join([SUITE, *_packages(), *_mmdebstrap_options()])
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def _packages() -> list[str]:
    lines = (_HERE / "packages.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _mmdebstrap_options() -> list[str]:
    excluded = ("man", "locale", "info", "lintian", "doc")
    return [
        "--mode=root",
        "--variant=essential",
        "--aptopt=APT::Install-Recommends false",
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in excluded),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    ]


def _base_tar(say: Say) -> Path:
    """Return Debian and our packages as a tar, from the cache or from mmdebstrap."""
    tar = cache.folder() / f"base-{_base_key()}.tar"
    if tar.exists():
        say(f"packages: {tar.name} is in the cache")
        return tar
    say(f"packages: mmdebstrap {SUITE} ({len(_packages())} packages and what they need)")
    part = tar.with_suffix(f".part-{os.getpid()}.tar")
    try:
        run(
            ["mmdebstrap", *_mmdebstrap_options(), f"--include={','.join(_packages())}"]
            + [SUITE, str(part)],
            env={"SOURCE_DATE_EPOCH": str(EPOCH_S)},
            hint="is there a way to Debian's mirror, and room in /tmp? df -h /tmp",
        )
        part.rename(tar)
    finally:
        part.unlink(missing_ok=True)
    return tar


def _root_file_system(base: Path, root: Path, say: Say) -> None:
    say("root file system: unpack, wheels, guest set-up, trim")
    root.mkdir()
    # Without --xattrs ping loses its capability.
    run(["tar", "--xattrs", "--xattrs-include=*", "-C", str(root), "-xpf", str(base)])
    kernel = next((root / "boot").glob("vmlinuz-*"))
    # Into one memory page short of the modules: the box keeps the kernel beside the disk.
    shutil.copy(kernel, root.parent / "vmlinuz")
    (root.parent / "initrd").write_bytes(initrd.build(root, ROOT_MODULES))
    shutil.copytree(cache.site(say), root / "opt/lab/site")
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


def _images(root: Path, out: Path, say: Say) -> None:
    say("disk image: ext4, then qcow2 with zstd")
    raw = root.parent / "disk.raw"
    ext4.make(root, raw, size_mib=SIZE_MIB, epoch_s=EPOCH_S)
    run(
        ["qemu-img", "convert", "-c", "-o", "compression_type=zstd", "-f", "raw", "-O", "qcow2"]
        + [str(raw), str(out / "box.img")]
    )
    for name in ("vmlinuz", "initrd"):
        shutil.move(root.parent / name, out / name)


def _write_box(out: Path, box: Box, say: Say) -> None:
    say(f"box {box.key}: pack")
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": SIZE_MIB // 1024}
    (out / "metadata.json").write_text(json.dumps(metadata) + "\n")
    shutil.copy(_HERE / "Vagrantfile.box", out / "Vagrantfile")
    members = ["metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd"]
    file = out / box.file.name
    run(
        ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"]
        + ["--mode=u=rw,go=r", f"--mtime=@{EPOCH_S}", "-C", str(out), "-cf", str(file), *members]
    )
    manifest = {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in ("box.img", "vmlinuz", "initrd", file.name)
    }
    (out / "box.img").unlink()
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    size_mib = file.stat().st_size / 1024 / 1024
    say(f"box {box.key}: {size_mib:.0f} MiB, sha256 {manifest[file.name][:16]}…")


if __name__ == "__main__":
    build(lambda line: print(line, flush=True))
