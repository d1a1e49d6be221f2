"""The twin: the same machines once more, by plain `vagrant up`.

On the untuned box, in a lab of another name with networks, addresses and a folder of its own.
"""

import ipaddress
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.baseline import build as untuned_box
from lab import paths
from lab.host import console, netns, networks, settings
from lab.host.shared import share
from lab.host.speed import deadline_s
from lab.machines import boxes, leftovers
from lab.machines.command import vagrant
from lab.machines.inventory import Place, Say
from provisioning.box.build import Box
from provisioning.run import ToolFailed, run
from provisioning.topology import Machine, Network, Topology
from services.core.errors import LabError

# With KVM; ample, as these guests are slow on purpose.
_UP_S = 120
_SSH_S = 10
# The addresses of its networks lie this far behind the lab's own.
_BEYOND = 2 * 256
_FILES = Path(untuned_box.__file__).parent


def twin(topology: Topology) -> Topology:
    """Return the lab of the baseline: the machines of `topology`, its name and addresses else."""
    return topology._replace(
        lab=f"{topology.lab}-untuned",
        lab_network=_moved(topology.lab_network),
        management_network=_moved(topology.management_network),
        machines=tuple(
            machine._replace(
                address=_beyond(machine.address), management=_beyond(machine.management)
            )
            for machine in topology.machines
        ),
    )


def _moved(network: Network) -> Network:
    return network._replace(gateway=_beyond(network.gateway))


def _beyond(address: str) -> str:
    return str(ipaddress.IPv4Address(address) + _BEYOND)


def prepare(topology: Topology, box: Box, say: Say) -> None:
    """Make ready what `up` needs: nothing of an earlier twin, the box, and its settings.

    After lab.bringup.prepare, without which no libvirt runs. Idempotent.
    """
    clear(topology, say)
    image = boxes.image(untuned_box.NAME, box.version)
    own = place(topology)
    found = own.look()
    own.perform(leftovers.left_over(found, own.lab(found, [image])), say)
    box_folder = _folder() / "vagrant.d/boxes" / untuned_box.NAME / box.version
    box_folder.mkdir(parents=True, exist_ok=True)
    link = box_folder / "libvirt"
    link.unlink(missing_ok=True)
    link.symlink_to(box.folder)
    boxes.ensure_volume(image, box.folder / "box.img")
    ours = json.loads(paths.SETTINGS.read_text())
    lab = twin(topology)
    said = {name: ours[name] for name in ("accel", "emulator", "proxy_command", "slowness")}
    said |= {
        "lab": lab.lab,
        "box": untuned_box.NAME,
        "box_version": box.version,
        "boot_timeout_s": round(deadline_s(_UP_S)),
        "management_network": networks.management_cidr(lab),
        "machines": [
            {**m._asdict(), "console": str(console.file(f"untuned-{m.name}"))} for m in lab.machines
        ],
    }
    for name in ("vmlinuz", "initrd"):
        shared = share(box.folder / name, f"untuned-{box.key}-{name}")
        said["kernel" if name == "vmlinuz" else name] = str(shared)
    _settings().write_text(json.dumps(said, indent=1) + "\n")


def up() -> None:
    """`vagrant up` of the twin, whole; raises ToolFailed with the log's end."""
    environment = {
        "VAGRANT_CWD": str(_FILES),
        "VAGRANT_DOTFILE_PATH": str(_folder() / "vagrant"),
        "VAGRANT_HOME": str(_folder() / "vagrant.d"),
        "LAB_UNTUNED": str(_settings()),
    }
    vagrant(["up"], timeout_s=deadline_s(_UP_S), environment=environment, log=_log())


def check(topology: Topology) -> None:
    """Return once every machine of the twin has said its name over SSH; raises LabError.

    At the address and with the key that Vagrant gave it.
    """
    lab = twin(topology)
    with ThreadPoolExecutor(len(lab.machines)) as pool:
        names = list(pool.map(_asked, lab.machines))
    for machine, says in zip(lab.machines, names, strict=True):
        if says != machine.name:
            raise _wrong(machine.name, says)


def _asked(machine: Machine) -> str:
    key = _folder() / "vagrant/machines" / machine.name / "libvirt/private_key"
    proxy = netns.proxy_command(settings.load().netns)
    words = ["-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    # Made a minute ago, in a network of our own, and deleted in another.
    words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    words += ["-o", f"ProxyCommand={proxy}"] if proxy else []
    try:
        said = run(
            ["ssh", "-F", "none", *words, f"vagrant@{machine.address}", "hostname"],
            timeout_s=deadline_s(_SSH_S),
        )
    except ToolFailed as error:
        raise _wrong(machine.name, error.output.strip()) from error
    return said.strip()


def _wrong(name: str, says: str) -> LabError:
    return LabError(
        f"machine {name!r} of the baseline says {says!r} when asked for its name",
        hint=f"read {_log()}; its console: {console.file(f'untuned-{name}')}",
    )


def clear(topology: Topology, say: Say) -> None:
    """Delete the twin with its disks, networks and notes, and say which machines it had.

    Idempotent; the box stays. Only while libvirt answers.
    """
    machines = place(topology).clear()
    if machines:
        say(f"deleted of the baseline: {', '.join(machines)}")


def place(topology: Topology) -> Place:
    """Return the twin as a place of its own."""
    machines = _folder() / "vagrant/machines"
    return Place(twin(topology), machines, _FILES / "Vagrantfile", untuned_box.NAME)


def _folder() -> Path:
    return paths.STATE / "untuned"


def _settings() -> Path:
    return _folder() / "untuned.json"


def _log() -> Path:
    return paths.LOGS / "untuned.log"
