"""Save the whole lab at one instant, while it goes on."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.errors import LabNotUp
from lab.host import settings
from lab.machines import power
from lab.machines.choice import check_saves
from lab.planes import answers, modes
from lab.snapshot import key, secrets, state, store
from lab.snapshot.machines import Domains
from lab.snapshot.pause import Pause
from lab.snapshot.state import State
from lab.snapshot.store import Store
from lab.terminal.progress import Progress
from provisioning.box import cache
from provisioning.box.build import Box
from provisioning.run import check_root
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

_MIB = 1024**2
# A disk contains what was written since the box, rarely more than that.
_DISK_MIB = 128
# Less is left only by a disk that is full: the last pages of a file may not have fitted.
_FULL_MIB = 16


def freeze(topology: Topology, labs: Store, name: str, note: str, progress: Progress) -> State:
    """Save the running lab as `name` in `labs` and return what was saved.

    The machines stand still for a second or two, all at once, and go on. They go on after an error
    and an interruption, too. Only a whole state replaces an older one of that name.
    """
    check_saves()
    states = power.machine_states(topology)
    up = [machine for machine in topology.machines if states[machine.name] == "running"]
    needed = _check(topology, states, labs)
    domains = Domains(topology)
    box = _box(domains)
    with labs.making(name) as folder, _room(folder, needed):
        pause = Pause(up)
        with progress.phase("freeze"):
            # First, because it says for which machines it waits.
            pause.start(progress)
            saved = _described(topology, up, note, box, pause)
            with _still(domains, pause, progress) as paused:
                machines = domains.save(states | dict.fromkeys(paused, "paused"), folder)
        with progress.phase("seal"):
            saved = saved._replace(machines=machines, files=store.digests(folder))
            state.write(folder, saved)
    return saved


def _described(
    topology: Topology, up: Sequence[Machine], note: str, box: Box, pause: Pause
) -> State:
    """What there is to say of the lab before it is saved: its machines and files are missing."""
    ran = modes.on(topology) if topology.api in up else []
    nodes = {machine.name for machine in up} - {topology.api.name}
    accel = settings.load().accel.name
    return State(
        note=note,
        at_s=time.time(),
        key=key.of_new_lab(box, accel),
        modes=tuple(ran),
        profile=modes.profile(topology).name if topology.api in up else "",
        answering=tuple(mode for mode in ran if answers.answers(topology, mode, nodes)),
        box=box.key,
        box_version=box.version,
        topology=key.topology(),
        accel=accel,
        pause=pause.secret,
        machines=(),
        secrets=secrets.read(),
        files={},
    )


@contextmanager
def _room(folder: Path, needed_mib: int) -> Iterator[None]:
    """Say that the disk is full, in place of whatever that makes of what is done to `folder`."""
    try:
        yield
    except (LabError, OSError) as error:
        free_mib = shutil.disk_usage(folder).free // _MIB
        # libvirt deletes what it could not write to its end: also a disk that has room again by
        # now, but less than there was for all of it, has been full.
        ours_mib = sum(file.stat().st_size for file in folder.iterdir()) // _MIB
        if free_mib > _FULL_MIB and free_mib + ours_mib >= needed_mib:
            raise
        raise _no_room(folder.parent, needed_mib, free_mib) from error


def _no_room(folder: Path, needed_mib: int, free_mib: int) -> LabError:
    return LabError(
        f"{folder} has {free_mib} MiB free; saving the lab may take {needed_mib} MiB",
        hint="lab chapter list and lab thaw --list show what takes room; "
        "lab chapter delete NAME and lab thaw NAME --delete free it",
    )


@contextmanager
def _still(domains: Domains, pause: Pause, progress: Progress) -> Iterator[list[str]]:
    """The machines of `pause` paused at one instant; afterwards they go on, with the right time."""
    names = [machine.name for machine in pause.machines]
    try:
        pause.arm()
        domains.pause(names)
        pause.check_still()
        yield names
    finally:
        resume(domains, pause, progress)
        pause.stay()


def resume(domains: Domains, pause: Pause, progress: Progress) -> list[str]:
    """Let the machines of `pause` go on, their clocks set before anything else.

    Returns those that did not answer that they do.
    """
    with pause.going() as call:
        domains.resume(machine.name for machine in pause.machines)
        silent = pause.gone(call)
    if silent:
        progress(f"{', '.join(silent)}: the clock follows the machine's own, in whole seconds")
    return silent


def _box(domains: Domains) -> Box:
    """The one box that all machines stand on."""
    keys = domains.boxes()
    if len(keys) != 1:
        raise LabError(
            f"the machines stand on different boxes: {', '.join(sorted(keys))}",
            hint="lab reset makes them all of the newest",
        )
    (one,) = keys
    return Box(one, cache.folder() / f"box-{one}")


def _check(topology: Topology, states: dict[str, str], labs: Store) -> int:
    """Raise what makes a freeze impossible, before anything stands still.

    Returns how many MiB may be needed.
    """
    if "running" not in states.values():
        raise LabNotUp(topology.lab, states)
    for name, found in states.items():
        if found not in ("running", "off"):
            raise LabError(
                f"machine {name!r} is {found}; only a whole lab can be saved",
                hint="lab heal" if found == "paused" else "lab up both",
            )
    check_root()
    labs.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    needed = sum(m.memory_mib + _DISK_MIB for m in topology.machines if states[m.name] == "running")
    free = shutil.disk_usage(labs.folder).free // _MIB
    if free < needed:
        raise _no_room(labs.folder, needed, free)
    return needed
