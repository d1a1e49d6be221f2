"""What there is of a lab in libvirt and in Vagrant's notes; and deleting what is to go."""

import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from lab import paths
from lab.host import networks
from lab.host.virsh import domains, identities, virsh
from lab.machines import boxes, leftovers, plug, remote
from lab.machines.boxes import POOL
from lab.machines.domains import OFF, discard, domain
from lab.machines.leftovers import Domain, Inventory, Lab, Leftover, Removal
from provisioning.box import cache
from provisioning.topology import Topology

Say = Callable[[str], None]

# Where libvirt keeps the definitions of QEMU machines, see virsh(1), define.
_DEFINITIONS = Path("/etc/libvirt/qemu")


class Place:
    """One lab on this computer: the lab itself, or the twin of `python -m benchmarks baseline`.

    notes: the folder of what its Vagrant knows of each machine. vagrantfile, box:
    from which its machines come.
    """

    def __init__(self, topology: Topology, notes: Path, vagrantfile: Path, box: str) -> None:
        self.topology = topology
        self.notes = notes
        self.vagrantfile = vagrantfile
        self.box = box

    def look(self) -> Inventory:
        """Return what there is. Needs a libvirt that answers and has its pool."""
        virsh("pool-refresh", POOL)
        found = domains(f"{self.topology.lab}_")
        uuids = identities(f"{self.topology.lab}_") if found else {}
        return Inventory(
            {name: self._domain(name, state, uuids.get(name)) for name, state in found.items()},
            sorted(folder.name for folder in self.notes.glob("*")),
            [line.split()[0] for line in virsh("vol-list", POOL).splitlines() if line.strip()],
            networks.defined(self.topology),
            boxes.half_uploaded(),
        )

    def lab(self, found: Inventory, images: Collection[str] = ()) -> Lab:
        """Return whose inventory it is. images: see lab.machines.leftovers.Lab."""
        makers = {domain.maker for domain in found.domains.values()}
        return Lab(
            self.topology.lab,
            [machine.name for machine in self.topology.machines],
            self.vagrantfile,
            self.box,
            images,
            [maker for maker in makers if maker.exists()],
        )

    def clear(self, *, networks: bool = True) -> list[str]:
        """Delete everything but the images of boxes; return the machines. Idempotent."""
        found = self.look()
        if not networks:
            found = found._replace(networks={})
        self.perform(leftovers.everything(found, self.lab(found)), lambda _: None)
        return sorted(found.domains)

    def perform(self, tasks: Iterable[Leftover], say: Say) -> None:
        """Perform `tasks`, and say each. Safe to interrupt: what is left is found again."""
        for task in tasks:
            say(str(task))
            _PERFORM[task.act](self, task.name)

    def _domain(self, name: str, state: str, uuid: str | None) -> Domain:
        full = domain(self.topology, name)
        file = self.notes / name / "libvirt/id"
        known = file.exists() and file.read_text().strip() == uuid
        # Whose it is matters only where this checkout does not know it.
        maker = "" if known else virsh("desc", full).strip().removeprefix("Source: ")
        return Domain(state not in OFF, known, self.vagrantfile if known else Path(maker))

    def _delete_machine(self, name: str) -> None:
        for machine in self.topology.machines:
            if machine.name == name:
                remote.disconnect(machine)
        discard(self.topology, name)

    def _forget(self, name: str) -> None:
        shutil.rmtree(self.notes / name, ignore_errors=True)

    def _delete_volume(self, name: str) -> None:
        virsh("vol-delete", name, "--pool", POOL)
        boxes.forget_upload(name)

    def _remove_network(self, name: str) -> None:
        networks.undefine(name)


def ours(topology: Topology) -> Place:
    """Return the lab of this checkout."""
    root = paths.ROOT
    return Place(topology, root / ".vagrant/machines", root / "Vagrantfile", cache.NAME)


def states_by_files(topology: Topology) -> dict[str, str]:
    """Return machine -> running, off or absent, where no libvirt runs that could be asked."""
    full = {machine.name: domain(topology, machine.name) for machine in topology.machines}
    return {
        name: "running"
        if plug.runs(domain)
        else "off"
        if (_DEFINITIONS / f"{domain}.xml").exists()
        else "absent"
        for name, domain in full.items()
    }


def traces(topology: Topology) -> list[str]:
    """Return what files show of the lab, a line each, where no libvirt runs that could be asked.

    Definitions of machines, disks in the pool, and Vagrant's notes. As of a computer that was
    switched off under its lab.
    """
    machines = [file.stem for file in _DEFINITIONS.glob(f"{topology.lab}_*.xml")]
    disks = [file.name for file in boxes.FOLDER.glob(f"{topology.lab}_*.img")]
    ours = [name for name in disks if "_vagrant_box_image_" not in name]
    notes = [folder.name for folder in (paths.ROOT / ".vagrant/machines").glob("*")]
    lines = [f"the machine {name} is defined" for name in sorted(machines)]
    lines += [f"the disk {name} is there" for name in sorted(ours)]
    return lines + [f"Vagrant has notes on {name}" for name in sorted(notes)]


_PERFORM = {
    Removal.MACHINE: Place._delete_machine,
    Removal.NOTES: Place._forget,
    Removal.VOLUME: Place._delete_volume,
    Removal.NETWORK: Place._remove_network,
}
