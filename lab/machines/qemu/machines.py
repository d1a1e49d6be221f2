"""Machines of plain QEMU, as an ordinary user: a lab.machines.provider.

What a machine is lies in .lab/qemu/machines/NAME: `made.json`, what it was made of, and
`disk.qcow2`, what it wrote since. Whether it runs is asked of its QEMU each time.
"""

import json
import shutil
import sys
import tarfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import files, paths
from lab.host import console, forward
from lab.machines import remote
from lab.machines.provider import Address, Say, Verb
from lab.machines.qemu import ports, processes, qmp, words
from lab.terminal.progress import Progress
from provisioning import topology as topology_file
from provisioning.run import run
from provisioning.topology import Machine, Topology, host_ports
from services.core.errors import LabError
from services.core.fields import decode

if TYPE_CHECKING:
    from provisioning.box.build import Box

_IMAGE = "box.img"
# Of lab.json, what a machine is made of for its whole life.
_PARTS = ("accel", "kernel", "initrd", "kernel_command_line", "box_version")


def tools(*, creating: bool) -> Sequence[str]:
    """Return what Debian's qemu-system-x86 brings along, and what every computer has."""
    return ("qemu-system-x86_64", "qemu-img", "ssh", "setpriv")


def saves() -> bool:
    """Return False: not yet."""
    return False


def claim(topology: Topology, box: "Box", saved: Collection[str], say: Say) -> None:
    """Choose ports, and look whether those of the APIs are free."""
    processes.folder()
    found = states(topology, timeout_s=10)
    up = [name for name, state in found.items() if state in ("running", "paused")]
    ports.choose(topology, up)
    if topology.api.name not in up:
        for mode, port in host_ports(topology).items():
            forward.check_free(port, mode)


def furnish(topology: Topology, box: "Box", saved: Collection[str], say: Say) -> None:
    """Take the disk out of the box, once, and start the lab's network."""
    # All that makes a box takes 60 ms to import, and `lab status` needs none of it.
    from lab.host import shared

    found = states(topology, timeout_s=10)
    if set(found.values()) == {"absent"}:
        shared.prune()
    _image(box)
    processes.ensure(topology)
    old = [name for name, state in found.items() if state != "absent" and _is_older(name, box)]
    if old:
        say(
            f"{', '.join(old)} stand on an older box; what changed in the image "
            "itself reaches them with: lab down && lab up both"
        )


def create(names: Sequence[str]) -> Sequence[str]:
    """Make a disk on top of the box's for each of `names`, and boot them."""
    from provisioning.box import build

    lab, box = topology_file.load(), build.wanted()
    settings = decode(paths.SETTINGS.read_text())
    for name in names:
        _make(name, settings, _image(box))
    for name in names:
        start(lab, name)
    return names


def delete(topology: Topology, *, ground: bool) -> list[str]:
    """End the machines where they stand, and delete what they were."""
    # Also those that the topology has no more.
    names = sorted(note.parent.name for note in _machines().glob("*/made.json"))
    for machine in topology.machines:
        remote.disconnect(machine)
    for name in {*names, *(machine.name for machine in topology.machines)}:
        processes.end(name)
    shutil.rmtree(_machines(), ignore_errors=True)
    return names


def release(topology: Topology, progress: Progress) -> None:
    """End the lab's network."""
    processes.stop()


def complete(topology: Topology) -> bool:
    """Return whether the lab's network runs."""
    return processes.complete()


def revive(topology: Topology) -> None:
    """Start the lab's network again, as far as it has ended."""
    processes.ensure(topology)


def states(topology: Topology, *, timeout_s: float) -> dict[str, str]:
    """Return the state of each machine: what its QEMU says; without one, whether it was made."""
    return {machine.name: _state(machine.name, timeout_s) for machine in topology.machines}


def command(topology: Topology, verb: Verb, name: str) -> tuple[str, ...]:
    """Return a call of `python -m lab.machines.qemu`."""
    return (sys.executable, "-m", "lab.machines.qemu", verb.value, name)


def proof(topology: Topology, state: str, name: str) -> tuple[str, ...]:
    """Return a call of the same program."""
    return (sys.executable, "-m", "lab.machines.qemu", f"is-{state}", name)


def address(machine: Machine, port: int) -> Address:
    """Return the port of localhost that leads there."""
    forwards = ports.of(topology_file.load(), machine.name)
    return Address(ports.LOOPBACK, next(one.port for one in forwards if one.there == port))


def lab_address(machine: Machine, port: int) -> Address:
    """Return a port of localhost that leads to `port` in the lab's network; opens one if need be.

    Raises LabError where the network does not run.
    """
    there = f"{machine.address}"
    door = words.door(paths.RUN, words.GATEWAY)
    try:
        for _ in range(2):
            for line in qmp.hmp(door, "info usernet").splitlines():
                fields = line.split()
                if fields[:1] == ["TCP[HOST_FORWARD]"] and fields[4:6] == [there, str(port)]:
                    return Address(ports.LOOPBACK, int(fields[3]))
            qmp.hmp(door, f"hostfwd_add host tcp:{ports.LOOPBACK}:0-{there}:{port}")
    except ConnectionError:
        pass
    raise LabError("this computer has no way into the lab's network", hint="lab heal")


def start(topology: Topology, name: str) -> None:
    """Boot machine `name`; returns once its QEMU runs. Idempotent. Raises LabError."""
    processes.ensure(topology)
    if processes.runs(name):
        return
    machine = topology.machine(name)
    made = _made(name)
    argv = words.machine(topology, machine, made, _disk(name), paths.RUN, ports.of(topology, name))
    # The API's machine has most to do: the others are nicer by what is three times its weight.
    nice = {} if machine == topology.api else {"LAB_NICE": "5"}
    processes.start(name, processes.bounded(argv), nice)


def _state(name: str, timeout_s: float) -> str:
    said = processes.status(name, timeout_s)
    if not said:
        return "off" if _exists(name) else "absent"
    # A full disk stops a machine as well: it goes on when there is room again.
    return "paused" if said in ("paused", "io-error") else "running"


def _make(name: str, settings: Mapping[str, Any], image: Path) -> None:
    """Its note is written last: a machine that has none was never made."""
    shutil.rmtree(_folder(name), ignore_errors=True)
    _folder(name).mkdir(parents=True)
    disk = ["-f", "qcow2", "-F", "qcow2", "-b", str(image), str(_disk(name))]
    run(["qemu-img", "create", "-q", *disk])
    made = {part: settings[part] for part in _PARTS} | {"console": str(console.file(name))}
    made["credentials"] = settings["credentials"][name]
    files.replace(_folder(name) / "made.json", json.dumps(made, indent=1) + "\n")


def _exists(name: str) -> bool:
    return (_folder(name) / "made.json").exists()


def _made(name: str) -> dict[str, Any]:
    try:
        made: dict[str, Any] = decode((_folder(name) / "made.json").read_text())
    except (OSError, ValueError):
        raise LabError(f"machine {name!r} does not exist", hint="lab up both") from None
    return made


def _is_older(name: str, box: "Box") -> bool:
    return bool(_made(name)["box_version"] != box.version)


def _image(box: "Box") -> Path:
    """The disk that is in the box, as a file of its own, on which the machines' disks stand."""
    from lab.host.shared import share

    def take(packed: Path, target: Path) -> None:
        with tarfile.open(packed) as archive, target.open("wb") as file:
            image = archive.extractfile(_IMAGE)
            assert image is not None  # noqa: S101 - it is a file in every box
            shutil.copyfileobj(image, file)

    return share(box.file, f"{box.key}-{_IMAGE}", make=take)


def _machines() -> Path:
    return paths.SHARED / "machines"


def _folder(name: str) -> Path:
    return _machines() / name


def _disk(name: str) -> Path:
    return _folder(name) / "disk.qcow2"
