"""The box in Vagrant's and libvirt's hands: known, uploaded, and cleared away when it is old."""

import json
import os
import shutil
from pathlib import Path

from lab import paths
from lab.host.virsh import virsh
from lab.provider.command import vagrant
from provisioning.box.build import Box
from provisioning.box.cache import NAME

POOL = "default"
# There while Vagrant creates machines, and after a creation that did not end well.
CREATING = paths.STATE / "creating"


def ensure_pool() -> None:
    """Make sure that libvirt has its default pool, and that it is active. Idempotent."""
    if POOL not in virsh("pool-list", "--all", "--name").split():
        folder = Path("/var/lib/libvirt/images")
        virsh("pool-define-as", POOL, "dir", "--target", str(folder))
        virsh("pool-build", POOL)
        virsh("pool-autostart", POOL)
    if POOL not in virsh("pool-list", "--name").split():
        virsh("pool-start", POOL)


def prune(box: Box) -> None:
    """Delete what earlier boxes left in libvirt and Vagrant; while no machine exists.

    Vagrant uploads a box's image once and takes it for whole as soon as its name exists: after
    a creation that did not end well, the image of `box` goes as well.
    """
    keep = "" if CREATING.exists() else f"_{box.version}_"
    for name in virsh("vol-list", POOL).split():
        if name.startswith(f"{NAME}_vagrant_box_image") and (not keep or keep not in name):
            virsh("vol-delete", name, "--pool", POOL)
    for folder in (_vagrant_home() / "boxes" / NAME).glob("*.*.*"):
        if folder.name != box.version:
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


def _vagrant_home() -> Path:
    return Path(os.environ.get("VAGRANT_HOME", Path.home() / ".vagrant.d"))
