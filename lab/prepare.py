"""The ground below the machines: box, accelerator, libvirt, networks, keys, settings."""

from pathlib import Path

from lab import forward, paths
from lab.frozen import store
from lab.host import accel, daemons, netns, networks, settings, virsh
from lab.progress import Progress
from lab.provider import boxes, vagrant
from provisioning.box import build as box_build
from provisioning.box.build import Box
from provisioning.topology import Topology
from services.core.errors import LabError


class ForeignLab(LabError):
    """Machines of this lab that run, made by another checkout."""

    def __init__(self, makers: dict[str, Path]) -> None:
        folders = sorted({str(maker.parent) for maker in makers.values()})
        super().__init__(
            f"machines of another checkout are running: {', '.join(makers)} of {folders[0]}",
            hint="use that one, or let `lab down` delete them, whoever made them",
        )
        self.makers = makers


def prepare(topology: Topology, progress: Progress, box: Box | None = None) -> Box:
    """Make ready what machines on `box` (default: the one that this checkout asks for) stand on.

    Returns the box. Idempotent.
    """
    box = box or box_build.build(progress)
    chosen = accel.choose(box.folder / "vmlinuz", paths.ACCEL)
    progress(f"accelerator: {chosen.why}")
    namespace = netns.wanted(topology)
    if namespace is not None:
        daemons.ensure(namespace)
    # Before anything of theirs is overwritten.
    _clear_strangers(topology, progress)
    forward.check(topology)
    settings.write(topology, box, chosen, namespace)
    networks.ensure(topology)
    boxes.ensure_pool()
    if set(vagrant.machine_states(topology).values()) == {"absent"}:
        boxes.prune(box.version, store.boxes_in_use())
    boxes.ensure_box(box)
    boxes.ensure_image(box)
    outdated = boxes.outdated(box)
    if outdated:
        progress(
            f"{', '.join(outdated)} stand on an older box; what changed in the image "
            "itself reaches them with: lab down && lab up both"
        )
    return box


def _clear_strangers(topology: Topology, progress: Progress) -> None:
    """Delete what a killed run or a deleted checkout left behind; refuse to touch what runs."""
    states = virsh.domains(f"{topology.lab}_")
    strangers = vagrant.strangers(topology)
    foreign = {
        name: maker
        for name, maker in strangers.items()
        if states[name] not in vagrant.OFF
        and maker.exists()
        and maker != paths.ROOT / "Vagrantfile"
    }
    if foreign:
        raise ForeignLab(foreign)
    for name, maker in strangers.items():
        progress(f"deleting {name}: left behind by {maker.parent}")
        vagrant.delete(topology, name)
