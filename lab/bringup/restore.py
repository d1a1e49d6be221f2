"""Replace all machines by a saved lab, in phases."""

from collections.abc import Callable
from pathlib import Path

from lab.bringup.prepare import prepare
from lab.snapshot import secrets, store
from lab.snapshot.machines import Domains
from lab.snapshot.state import State
from lab.snapshot.thaw import check_fits, check_same_machines, foreign, thaw, unfinished
from lab.terminal.progress import Progress
from provisioning.box import build as box_build
from provisioning.box import cache
from provisioning.box.build import Box
from provisioning.topology import Topology
from services.core.errors import LabError


def restore(
    topology: Topology,
    folder: Path,
    progress: Progress,
    prepared: Box | None = None,
    verify: Callable[[Path], State] = store.verify,
) -> State:
    """Replace whatever runs by the lab in `folder`; return it. Phases: verify, prepare, thaw.

    prepared: the box for which lab.bringup.prepare has run, if it has. verify: may have begun
    already, see lab.snapshot.store.verifying. No machine is touched before every byte and the room
    are checked. Raises Damaged, and LabError: with libvirt's words if the thaw did not finish.
    """
    with progress.phase("verify"):
        saved = verify(folder)
        check_same_machines(topology, folder.name, saved)
    if prepared is None or prepared.key != saved.box:
        with progress.phase("prepare"):
            prepare(topology, progress, _box(folder.name, saved))
    check_fits(folder.name, saved)
    Domains(topology).check_room(folder)
    if secrets.put_back(saved.secrets):
        prepare(topology, progress, _box(folder.name, saved))
    with progress.phase("thaw"):
        try:
            thaw(topology, folder, saved, progress)
        except LabError as error:
            raise unfinished(folder.name, str(error)) from error
    return saved


def _box(name: str, saved: State) -> Box:
    box = Box(saved.box, cache.folder() / f"box-{saved.box}")
    if not box_build.exists(box):
        raise foreign(
            name,
            f"its machines stand on box {saved.box}, which is not in {cache.folder()}",
            "lab box build in the checkout that made it; or there lab bundle export FILE "
            f"--chapter {name}, and here lab bundle import FILE",
        )
    return box
