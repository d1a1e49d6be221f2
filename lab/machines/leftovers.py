"""What of the lab was left behind by a run that was killed, a changed topology or a lost checkout.

Pure: from what was found to tasks, each with its reason. lab.machines.inventory looks and performs.
"""

from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

KILLED = "made by a run that was killed"
LOST = "made by a checkout that is gone"
STOPPED = "made by another checkout, and off"
UNKNOWN = "not in the topology"
NO_MACHINE = "its machine is gone"
HALF = "its upload did not end"
OLD_BOX = "of a box that nothing stands on"
FOREIGN = "not defined as the topology asks"
ASKED = "everything was to go"


class Removal(Enum):
    """What a task does, in the order in which tasks are performed."""

    MACHINE = "delete machine"
    NOTES = "forget what Vagrant knows of machine"
    VOLUME = "delete volume"
    NETWORK = "delete network"


class Domain(NamedTuple):
    """A machine as libvirt has it. maker: the Vagrantfile that it came from.

    runs: whether there is a QEMU. known: whether Vagrant in this checkout calls it its own.
    """

    runs: bool
    known: bool
    maker: Path


class Inventory(NamedTuple):
    """What there is of one lab. domains, notes: by machine; the rest by libvirt's names.

    notes: machines of which Vagrant in this checkout knows something; volumes: all of the pool;
    networks: name -> whether it is defined as it should be; half: volumes whose upload began and
    did not end.
    """

    domains: Mapping[str, Domain]
    notes: Collection[str]
    volumes: Collection[str]
    networks: Mapping[str, bool]
    half: Collection[str]


class Lab(NamedTuple):
    """Whose inventory it is. name: of the lab; machines: its topology's; maker: its Vagrantfile.

    box: the name of its box; images: the volumes of it that something stands on, or will.
    makers: the Vagrantfiles that exist.
    """

    name: str
    machines: Collection[str]
    maker: Path
    box: str
    images: Collection[str]
    makers: Collection[Path]


class Leftover(NamedTuple):
    """One thing to delete, and why. name: a machine's, or libvirt's."""

    act: Removal
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.act.value} {self.name}: {self.reason}"


def foreign(found: Inventory, lab: Lab) -> dict[str, Path]:
    """Return the machines that run and belong to another checkout: they stay."""
    return {
        name: domain.maker
        for name, domain in found.domains.items()
        if domain.runs and not domain.known and _elsewhere(domain, lab)
    }


def left_over(found: Inventory, lab: Lab) -> tuple[Leftover, ...]:
    """Return what is to go so that only what belongs to the lab is there, in order.

    Never what this checkout's Vagrant knows and the topology has, what runs and is of another
    checkout, or a volume that is not named as one of ours. Empty once it was performed.
    """
    staying = {name for name, domain in found.domains.items() if not _gone(name, domain, lab)}
    tasks = [
        Leftover(Removal.MACHINE, name, _gone(name, domain, lab))
        for name, domain in found.domains.items()
        if name not in staying
    ]
    tasks += [
        Leftover(Removal.NOTES, name, NO_MACHINE) for name in found.notes if name not in staying
    ]
    tasks += _volumes(found, lab, staying)
    tasks += [
        Leftover(Removal.NETWORK, name, FOREIGN)
        for name, fits in found.networks.items()
        if not fits
    ]
    return _ordered(tasks)


def everything(found: Inventory, lab: Lab) -> tuple[Leftover, ...]:
    """Return what is to go so that nothing of the lab is there but the images of its boxes."""
    tasks = [Leftover(Removal.MACHINE, name, ASKED) for name in found.domains]
    tasks += [Leftover(Removal.NOTES, name, ASKED) for name in found.notes]
    disks = [name for name in found.volumes if _machine(name, lab) is not None]
    tasks += [Leftover(Removal.VOLUME, name, ASKED) for name in disks]
    tasks += [Leftover(Removal.VOLUME, name, HALF) for name in found.half if name in found.volumes]
    tasks += [Leftover(Removal.NETWORK, name, ASKED) for name in found.networks]
    return _ordered(tasks)


def _gone(name: str, domain: Domain, lab: Lab) -> str:
    """Why a machine is to go; an empty text: it stays."""
    if domain.known:
        return "" if name in lab.machines else UNKNOWN
    if not _elsewhere(domain, lab):
        return KILLED if domain.maker == lab.maker else LOST
    return "" if domain.runs else STOPPED


def _elsewhere(domain: Domain, lab: Lab) -> bool:
    return domain.maker != lab.maker and domain.maker in lab.makers


def _volumes(found: Inventory, lab: Lab, staying: Collection[str]) -> list[Leftover]:
    tasks = []
    for name in found.volumes:
        machine = _machine(name, lab)
        if name in found.half:
            tasks.append(Leftover(Removal.VOLUME, name, HALF))
        elif machine is not None and machine not in staying:
            tasks.append(Leftover(Removal.VOLUME, name, NO_MACHINE))
        # The disks of machines that stay may stand on any of them.
        elif _is_image(name, lab) and name not in lab.images and not staying:
            tasks.append(Leftover(Removal.VOLUME, name, OLD_BOX))
    return tasks


def _machine(volume: str, lab: Lab) -> str | None:
    """The machine whose disk `volume` would be; None for another volume."""
    own = volume.startswith(f"{lab.name}_") and volume.endswith(".img")
    return volume.removeprefix(f"{lab.name}_").removesuffix(".img") if own else None


def _is_image(volume: str, lab: Lab) -> bool:
    return volume.startswith(f"{lab.box}_vagrant_box_image_")


def _ordered(tasks: Collection[Leftover]) -> tuple[Leftover, ...]:
    order = list(Removal)
    return tuple(sorted(tasks, key=lambda task: (order.index(task.act), task.name)))
