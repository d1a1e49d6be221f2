"""The ground below the machines: box, accelerator, keys, settings, what runs machines."""

from collections.abc import Sequence

from lab import paths
from lab.host import accel, forward, netns, settings
from lab.machines.choice import chosen
from lab.snapshot import store
from lab.terminal.progress import Progress
from provisioning.box import build as box_build
from provisioning.box.build import Box
from provisioning.topology import Topology

_SSH = 22


def prepare(
    topology: Topology, progress: Progress, box: Box | None = None, modes: Sequence[str] = ()
) -> Box:
    """Make ready what machines on `box` (default: the one that this checkout asks for) stand on.

    modes: what new machines start by themselves at their first boot. Returns the box. Idempotent.
    """
    box = box or box_build.build(progress)
    accelerator = accel.choose(box.folder / "vmlinuz", paths.ACCEL)
    progress(f"accelerator: {accelerator.why}")
    provider, saved = chosen(), store.boxes_in_use()
    for labs in store.stores():
        labs.sweep()
    # Before anything of another checkout's is overwritten.
    provider.claim(topology, box, saved, progress)
    forward.check(topology)
    doors = {machine.name: provider.address(machine, _SSH) for machine in topology.machines}
    settings.write(topology, box, accelerator, netns.wanted(topology), modes, doors)
    provider.furnish(topology, box, saved, progress)
    return box
