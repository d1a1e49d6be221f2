"""The ground below the machines: box, accelerator, libvirt, networks, keys, settings."""

from collections.abc import Sequence

from lab import paths
from lab.host import accel, daemons, forward, netns, networks, settings, shared
from lab.machines import boxes, inventory, leftovers, vagrant
from lab.snapshot import store
from lab.terminal.progress import Progress
from provisioning.box import build as box_build
from provisioning.box.build import Box
from provisioning.box.cache import NAME
from provisioning.topology import Topology
from services.core.errors import LabError


def prepare(
    topology: Topology, progress: Progress, box: Box | None = None, modes: Sequence[str] = ()
) -> Box:
    """Make ready what machines on `box` (default: the one that this checkout asks for) stand on.

    modes: what new machines start by themselves at their first boot. Returns the box. Idempotent.
    """
    box = box or box_build.build(progress)
    chosen = accel.choose(box.folder / "vmlinuz", paths.ACCEL)
    progress(f"accelerator: {chosen.why}")
    namespace = netns.wanted(topology)
    if namespace is not None:
        daemons.ensure(namespace)
    # Before anything of theirs is overwritten.
    boxes.ensure_pool()
    for labs in store.stores():
        labs.sweep()
    _clear_leftovers(topology, box, progress)
    forward.check(topology)
    settings.write(topology, box, chosen, namespace, modes)
    networks.ensure(topology)
    if set(vagrant.machine_states(topology).values()) == {"absent"}:
        boxes.prune(box.version, store.boxes_in_use())
        shared.prune()
    boxes.ensure_box(box)
    boxes.ensure_image(box)
    outdated = boxes.outdated(box)
    if outdated:
        progress(
            f"{', '.join(outdated)} stand on an older box; what changed in the image "
            "itself reaches them with: lab down && lab up both"
        )
    return box


def _clear_leftovers(topology: Topology, box: Box, progress: Progress) -> None:
    """Delete what killed runs and lost checkouts left behind; refuse to touch what runs."""
    place = inventory.ours(topology)
    found = place.look()
    versions = store.boxes_in_use() | {box.version}
    lab = place.lab(found, [boxes.image(NAME, version) for version in versions])
    foreign = leftovers.foreign(found, lab)
    if foreign:
        folder = min(str(maker.parent) for maker in foreign.values())
        raise LabError(
            f"machines of another checkout are running: {', '.join(foreign)} of {folder}",
            hint="use that one, or delete its machines: lab down",
        )
    place.perform(leftovers.left_over(found, lab), progress)
