"""What libvirt does for a freeze and a thaw: pause, save, copy, restore, resume; all at once.

A state's memory lies in NAME.memory, in the format of `virsh save`, its disk in NAME.qcow2.
"""

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TypeVar

from lab import paths, waiting
from lab.host.speed import deadline_s
from lab.host.virsh import identities, virsh
from lab.machines import domains, plug, power
from lab.machines.boxes import POOL
from lab.snapshot.state import FrozenMachine
from provisioning.run import run, sudo
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

T = TypeVar("T")
R = TypeVar("R")

_SAVE_S = 30.0
_MIB = 1024**2
# lab.host.kernel puts the kernel there under the key of its box.
_KERNEL = re.compile("/([0-9a-f]+)-vmlinu[xz]</kernel>")
_NOTE = re.compile("[a-z_]+")
# What in a definition belongs to the checkout that made it.
_SOURCE = re.compile(r"<description>Source: [^<]*</description>")


class Domains:
    """The lab's machines as libvirt has them."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology

    def boxes(self) -> set[str]:
        """Return the keys of the boxes that the machines stand on; one, unless some are older."""
        found = self._each(lambda m: _KERNEL.search(self._xml(m.name)), self.topology.machines)
        return {match[1] for match in found if match}

    def pause(self, names: Iterable[str]) -> None:
        """Pause the machines `names`, all within some 50 ms."""
        self._each(lambda name: self._virsh("suspend", name), names)

    def resume(self, names: Iterable[str]) -> None:
        """Let those of `names` that are paused go on. Idempotent."""
        states = power.machine_states(self.topology)
        paused = [name for name in names if states[name] == "paused"]
        self._each(lambda name: self._virsh("resume", name), paused)

    def save(self, states: dict[str, str], folder: Path) -> tuple[FrozenMachine, ...]:
        """Save every machine into `folder` and return what is known about them beside that.

        states: machine -> "paused" (memory and disk are saved; it stays paused) or "off".
        """

        disks = self._disks()

        def one(machine: Machine) -> FrozenMachine:
            name = machine.name
            if states[name] == "paused":
                memory = f"file={_memory(folder, name)},snapshot=external"
                # A snapshot of the memory alone; libvirt need not remember it.
                save = ("--no-metadata", "--memspec", memory, "--diskspec", "vda,snapshot=no")
                self._virsh("snapshot-create-as", name, *save)
            # With cache=unsafe, the file of a paused machine lacks nothing but the sync.
            _copy(disks[name], _disk(folder, name))
            return FrozenMachine(
                name,
                states[name] == "paused",
                self._virsh("domuuid", name).strip(),
                self._xml(name),
                _notes(name),
            )

        saved = tuple(self._each(one, self.topology.machines))
        own(folder.iterdir())
        return saved

    def check_room(self, folder: Path) -> None:
        """Raise LabError where the pool has no room for the disks in `folder`."""
        old = self._disks().values()
        # The old disks give way. A machine that was created lately may have none yet.
        free = sum(disk.stat().st_blocks * 512 for disk in old if disk.exists())
        pool = next(iter(old)).parent
        free += shutil.disk_usage(pool).free
        needed = sum(file.stat().st_size for file in folder.glob("*.qcow2"))
        if free < needed:
            raise LabError(
                f"{pool} has room for {free // _MIB} MiB; the disks take {needed // _MIB} MiB",
                hint=f"free some: df -h {pool}",
            )

    def discard(self, names: Iterable[str]) -> None:
        """End the machines `names` where they stand; their disks are worth nothing then."""
        self._each(lambda name: plug.pull(domains.domain(self.topology, name)), names)

    def put_back(self, machines: Iterable[FrozenMachine], folder: Path) -> None:
        """Make every one of `machines`, none of which runs, what it was; paused if it ran."""
        known, disks = identities(f"{self.topology.lab}_"), self._disks()

        def one(machine: FrozenMachine) -> None:
            name = machine.name
            if known.get(name) != machine.uuid:
                self._define(machine, known=name in known)
            _copy(_disk(folder, name), disks[name])
            _write_notes(machine)
            if machine.running:
                self._restore(machine, _memory(folder, name))

        self._each(one, machines)
        # The disks came without libvirt's help; Vagrant looks for them in the pool.
        virsh("pool-refresh", POOL)

    def _define(self, machine: FrozenMachine, *, known: bool) -> None:
        """Define the machine as saved. known: there is one of another identity; it gives way."""
        if known:
            self._virsh("undefine", machine.name, "--managed-save", "--snapshots-metadata")
        with _written(f".define-{machine.name}.xml", _ours(machine.xml)) as file:
            virsh("define", str(file))

    def _restore(self, machine: FrozenMachine, memory: Path) -> None:
        """Restore the machine, paused; its saved definition may name another checkout."""
        if _ours(machine.xml) == machine.xml:
            virsh("restore", "--paused", str(memory))
            return
        saved = virsh("save-image-dumpxml", "--security-info", str(memory))
        with _written(f".restore-{machine.name}.xml", _ours(saved)) as file:
            virsh("restore", "--paused", "--xml", str(file), str(memory))

    def _xml(self, name: str) -> str:
        return self._virsh("dumpxml", name, "--inactive", "--security-info")

    def _disks(self) -> dict[str, Path]:
        """Machine -> where the pool has, or would have, its disk."""
        pool = re.search("<path>(.*)</path>", virsh("pool-dumpxml", POOL))
        assert pool is not None  # noqa: S101 - a pool of directories has one
        names = [machine.name for machine in self.topology.machines]
        return {n: Path(pool[1]) / f"{domains.domain(self.topology, n)}.img" for n in names}

    def _virsh(self, command: str, name: str, *words: str) -> str:
        full = domains.domain(self.topology, name)
        return virsh(command, full, *words, timeout_s=deadline_s(_SAVE_S))

    def _each(self, one: Callable[[T], R], items: Iterable[T]) -> list[R]:
        with waiting.at_once(len(self.topology.machines)) as pool:
            return list(pool.map(one, items))


@contextmanager
def _written(name: str, xml: str) -> Iterator[Path]:
    """A definition in a file of its own, as virsh wants it, for as long as it is needed."""
    file = paths.STATE / name
    file.touch(mode=0o600)
    file.write_text(xml)
    try:
        yield file
    finally:
        file.unlink()


def own(files: Iterable[Path]) -> None:
    """Make `files`, which libvirt wrote as root, this user's."""
    if os.geteuid() != 0:
        run([*sudo(), "chown", f"{os.getuid()}:{os.getgid()}", *map(str, files)])


def _copy(source: Path, target: Path) -> None:
    """Copy a disk, without its holes, in no time where the file system can share blocks."""
    words = ["cp", "--reflink=auto", "--sparse=always", "--no-preserve=all"]
    run([*sudo(), *words, str(source), str(target)])


def _memory(folder: Path, name: str) -> Path:
    return folder / f"{name}.memory"


def _disk(folder: Path, name: str) -> Path:
    return folder / f"{name}.qcow2"


def _ours(xml: str) -> str:
    """A definition as this checkout would have written it."""
    source = escape(f"Source: {paths.ROOT}/Vagrantfile", quote=False)
    return _SOURCE.sub(lambda _: f"<description>{source}</description>", xml)


def _notes_folder(name: str) -> Path:
    return paths.ROOT / ".vagrant/machines" / name / "libvirt"


def _notes(name: str) -> dict[str, str]:
    """What Vagrant has written down about machine `name`."""
    return {file.name: file.read_text() for file in sorted(_notes_folder(name).iterdir())}


def _write_notes(machine: FrozenMachine) -> None:
    folder = _notes_folder(machine.name)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in our_notes(machine, paths.ROOT).items():
        (folder / name).write_text(text)


def our_notes(machine: FrozenMachine, root: Path) -> dict[str, str]:
    """Return Vagrant's notes about `machine` as Vagrant would have written them in `root`.

    With the identity of another checkout's machine, `vagrant global-status` would name that one.
    """
    # A chapter may come from another person: a name is no path.
    notes = {name: text for name, text in machine.notes.items() if _NOTE.fullmatch(name)}
    if notes.get("vagrant_cwd") != str(root):
        notes["index_uuid"] = uuid.uuid5(uuid.NAMESPACE_URL, f"{root}/{machine.name}").hex
    return notes | {"vagrant_cwd": str(root), "creator_uid": str(os.geteuid())}
