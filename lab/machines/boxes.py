"""The box in Vagrant's and libvirt's hands: known, uploaded, and cleared away when it is old."""

import json
import os
import shutil
from pathlib import Path

from lab import paths
from lab.host.virsh import listed, virsh
from lab.machines.command import vagrant
from provisioning.box.build import Box
from provisioning.box.cache import NAME
from provisioning.run import run

POOL = "default"
# Where it is, unless it existed before the lab.
FOLDER = Path("/var/lib/libvirt/images")


def ensure_pool() -> None:
    """Make sure that libvirt has its default pool, and that it is active. Idempotent."""
    found = listed("pool-list")
    if POOL not in found:
        virsh("pool-define-as", POOL, "dir", "--target", str(FOLDER))
        virsh("pool-build", POOL)
        virsh("pool-autostart", POOL)
    if not found.get(POOL):
        virsh("pool-start", POOL)


def prune(version: str, in_use: set[str]) -> None:
    """Let Vagrant forget the boxes that are neither `version` nor `in_use`."""
    for folder in (_vagrant_home() / "boxes" / NAME).glob("*.*.*"):
        if folder.name not in in_use | {version}:
            shutil.rmtree(folder)


def outdated(box: Box) -> list[str]:
    """Return the machines of this checkout that stand on another version of the box."""
    found = []
    for file in sorted((paths.ROOT / ".vagrant/machines").glob("*/libvirt/box_meta")):
        if json.loads(file.read_text()).get("version") != box.version:
            found.append(file.parents[1].name)
    return found


def ensure_box(box: Box) -> None:
    """Make the box known to Vagrant, under its version. Idempotent."""
    if (_vagrant_home() / "boxes" / NAME / box.version / "libvirt/metadata.json").exists():
        return
    provider = {"name": "libvirt", "url": box.file.as_uri()}
    catalog = {"name": NAME, "versions": [{"version": box.version, "providers": [provider]}]}
    file = box.folder / "catalog.json"
    file.write_text(json.dumps(catalog))
    vagrant(["box", "add", "--force", str(file)], timeout_s=120)


def ensure_image(box: Box) -> None:
    """Make sure that libvirt's pool has the box's image, on which disks stand. Idempotent.

    Where machines are created, Vagrant would do it; those that are thawed need it as well.
    """
    image_file = _vagrant_home() / "boxes" / NAME / box.version / "libvirt/box.img"
    ensure_volume(image(NAME, box.version), image_file)


def ensure_volume(name: str, file: Path) -> None:
    """Make sure that libvirt's pool has the qcow2 `file` as `name`. Idempotent.

    While it is uploaded there is a note: killed meanwhile, libvirt and Vagrant would take it for
    whole, as its name exists.
    """
    if name in virsh("vol-list", POOL).split():
        return
    size = json.loads(run(["qemu-img", "info", "--output=json", str(file)]))["virtual-size"]
    _uploading().write_text(name)
    virsh("vol-create-as", POOL, name, str(size), "--format", "qcow2")
    try:
        virsh("vol-upload", name, str(file), "--pool", POOL)
    except BaseException:
        virsh("vol-delete", name, "--pool", POOL)
        raise
    finally:
        forget_upload(name)


def half_uploaded() -> tuple[str, ...]:
    """Return the volumes whose upload began and did not end."""
    return (_uploading().read_text(),) if _uploading().exists() else ()


def forget_upload(name: str) -> None:
    """Forget that `name` was being uploaded: it is whole, or gone. Idempotent."""
    if name in half_uploaded():
        _uploading().unlink()


def _uploading() -> Path:
    """The note: on the computer, as the pool is, and not of a checkout."""
    return paths.SHARED / "uploading"


def image(box: str, version: str) -> str:
    """Return what vagrant-libvirt calls the image of a box in the pool."""
    return f"{box}_vagrant_box_image_{version}_box.img"


def _vagrant_home() -> Path:
    return Path(os.environ.get("VAGRANT_HOME", Path.home() / ".vagrant.d"))
