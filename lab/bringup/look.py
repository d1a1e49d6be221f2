"""Look at what there is, for lab.bringup.plan. Changes nothing and starts no libvirt."""

from pathlib import Path

from lab import paths
from lab.bringup.plan import Found, Saved
from lab.host import daemons, settings
from lab.machines import inventory, power
from lab.machines.choice import chosen
from lab.snapshot import initial, thaw
from lab.snapshot import state as saved_state
from provisioning import topology as topology_file
from provisioning.box import build as box_build
from provisioning.box import manifest
from provisioning.guest import source
from provisioning.topology import Topology
from services.core.errors import LabError


def look(topology: Topology) -> Found:
    """Return what there is of the lab, its box and its saved states."""
    box = box_build.wanted()
    built = box_build.exists(box)
    saves = chosen().saves()
    unfinished = thaw.cut_short()
    return Found(
        states=states(topology),
        unknown=_unknown(topology),
        changed=_changed(),
        box=built,
        our_code=not built or manifest.read(box.folder).code == source.digest(),
        initial=_saved(initial.folder(), is_initial=True)
        if saves and initial.usable(box)
        else None,
        cut_short=unfinished is not None,
        unfinished=_saved(unfinished) if unfinished else None,
        saves=saves,
    )


def states(topology: Topology) -> dict[str, str]:
    """Return machine -> running, paused, off or absent.

    From files where the lab's own libvirtd does not run: paused machines count as running then.
    """
    if settings.namespace_of(topology) is None or daemons.ours():
        return power.machine_states(topology)
    return inventory.states_by_files(topology)


def _unknown(topology: Topology) -> list[str]:
    """Machines of which Vagrant knows and the topology does not."""
    made = (paths.ROOT / ".vagrant/machines").glob("*/libvirt/id")
    return sorted({file.parents[1].name for file in made} - {m.name for m in topology.machines})


def _changed() -> bool:
    try:
        return settings.load().topology not in ("", topology_file.digest())
    except settings.NotSetUp:
        return False


def _saved(folder: Path, *, is_initial: bool = False) -> Saved | None:
    try:
        state = saved_state.read(folder)
    except LabError:
        return None
    return Saved(folder, state.modes, state.profile, is_initial or folder == initial.folder())
