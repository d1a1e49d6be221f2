"""The files and symbolic links that make a Debian root file system a lab machine, as data.

Paths are relative to the root. Three sources: the overlay tree `files/`, our units, and what
follows from topology and timing profile.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from provisioning.guest import timing
from provisioning.topology import Network, Topology
from services.core.profiles import Profile

HERE = Path(__file__).parent
UNITS = "etc/systemd/system"
MODES = ("push", "pull")
# What boots with every machine; the modes are switched on by `lab up`.
_ENABLED = (
    "ssh.service",
    "systemd-networkd.service",
    "lab-powerbtn.service",
    "lab-recorder.service",
    "lab-first.service",
    "lab-clock-api.service",
    "lab-clock-node.service",
)
_EARLY = ("systemd-network-generator.service",)


class File(NamedTuple):
    """A text file and its permission bits."""

    text: str
    mode: int = 0o644


def files(lab: Topology, timings: Profile) -> dict[str, File]:
    """Return every file of ours: path -> content and mode."""
    return {**dict(_overlay()), **dict(_units(lab)), **_generated(lab, timings)}


def links() -> dict[str, str]:
    """Return masks and enablement as symbolic links: path -> target."""
    masks = {f"{UNITS}/{name}": "/dev/null" for name in _lines("masks.txt")}
    folder = "etc/systemd/system-generators"
    masks |= {f"{folder}/{name}": "/dev/null" for name in _lines("generators.txt")}
    wanted = {f"{UNITS}/multi-user.target.wants/{name}": _unit_file(name) for name in _ENABLED}
    wanted |= {f"{UNITS}/sysinit.target.wants/{name}": _unit_file(name) for name in _EARLY}
    default = {f"{UNITS}/default.target": "/usr/lib/systemd/system/multi-user.target"}
    return masks | wanted | default


def _overlay() -> Iterator[tuple[str, File]]:
    for path in sorted((HERE / "files").rglob("*")):
        if path.is_file():
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            yield path.relative_to(HERE / "files").as_posix(), File(path.read_text(), mode)


def _units(lab: Topology) -> Iterator[tuple[str, File]]:
    """Every unit; `NAME.in` is one unit per mode, `MODE-NAME`.

    What _known() knows stands in it as @MODE@.
    """
    for path in sorted((HERE.parent / "systemd").iterdir()):
        if path.suffix != ".in":
            yield f"{UNITS}/{path.name}", File(path.read_text())
            continue
        for mode in MODES:
            text = path.read_text()
            for name, value in _known(lab, mode).items():
                text = text.replace(f"@{name}@", value)
            yield f"{UNITS}/{mode}-{path.stem}", File(text)


def _known(lab: Topology, mode: str) -> dict[str, str]:
    """What units of `mode` may need: the port of its API, where the host reaches it, the host."""
    door, host = lab.api.management, lab.management_network.gateway
    return {"MODE": mode, "PORT": str(lab.ports[mode]), "DOOR": door, "HOST": host}


def _generated(lab: Topology, timings: Profile) -> dict[str, File]:
    hosts = "".join(f"{machine.address} {machine.name}\n" for machine in lab.machines)
    api = f"{lab.api.address}:{lab.ports['pull']}"
    texts = {
        "etc/hosts": f"127.0.0.1 localhost\n{hosts}",
        "etc/hostname": "lab\n",
        "etc/fstab": "",
        "etc/systemd/network/90-mgmt.network.d/host.conf": _host(lab.management_network),
        "etc/lab/profile.env": timing.environment(timings, api),
        "etc/lab/push-inventory.json": _inventory(lab),
        **timing.drop_ins(timings),
    }
    return {path: File(text) for path, text in texts.items()}


def _host(network: Network) -> str:
    """Pin where the host is: another machine on the network cannot pass for it."""
    return f"[Neighbor]\nAddress={network.gateway}\nLinkLayerAddress={network.mac}\n"


def _inventory(lab: Topology) -> str:
    secrets = "/run/credentials/push-api.service"
    nodes = [{"name": node.name, "address": node.address} for node in lab.nodes]
    inventory = {
        "user": "root",
        "key": f"{secrets}/push-key",
        "known_hosts": f"{secrets}/known-hosts",
        "nodes": nodes,
    }
    return json.dumps(inventory, indent=1) + "\n"


def _unit_file(name: str) -> str:
    ours = (HERE / "files" / UNITS / name).exists()
    return f"/{UNITS}/{name}" if ours else f"/usr/lib/systemd/system/{name}"


def _lines(name: str) -> list[str]:
    lines = (line.strip() for line in (HERE / name).read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]
