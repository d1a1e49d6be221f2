"""Which machines make up the lab: read from topology.json, as the Vagrantfile does.

To add a node, add a line there with the next address; everything else follows.
"""

import hashlib
import ipaddress
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from services.core.errors import LabError
from services.core.fields import decode
from services.core.names import check_label

FILE = Path(__file__).with_name("topology.json")


class Machine(NamedTuple):
    """One VM. address: on the lab network, where faults happen; management: how we get in."""

    name: str
    role: str
    address: str
    management: str
    memory_mib: int

    @property
    def mac(self) -> str:
        """The fixed MAC of the management interface, on which its DHCP reservation hangs."""
        return _mac(self.management)


class Network(NamedTuple):
    """One of the two networks. gateway: the host's own address on it."""

    gateway: str
    netmask: str

    @property
    def mac(self) -> str:
        """The fixed MAC of the host on the management network."""
        return _mac(self.gateway)


class Topology(NamedTuple):
    """The whole lab. ports: mode -> port of its API, the same in the VM and on the host."""

    lab: str
    lab_network: Network
    management_network: Network
    ports: dict[str, int]
    machines: tuple[Machine, ...]

    @property
    def api(self) -> Machine:
        return next(machine for machine in self.machines if machine.role == "api")

    @property
    def nodes(self) -> tuple[Machine, ...]:
        return tuple(machine for machine in self.machines if machine.role == "node")

    def machine(self, name: str) -> Machine:
        """Return the machine called `name`; raises LabError."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise _unknown(name, self.machines)

    def node(self, name: str) -> Machine:
        """Return the node called `name`; raises LabError, also for the API machine."""
        for machine in self.nodes:
            if machine.name == name:
                return machine
        raise _unknown(name, self.nodes)


def _unknown(name: str, known: tuple[Machine, ...]) -> LabError:
    names = ", ".join(machine.name for machine in known)
    return LabError(f"there is no {name!r} in this lab", hint=f"use one of: {names}")


def load(file: Path = FILE) -> Topology:
    """Return the topology in `file`; raises LabError naming what is wrong with it.

    LAB_PUSH_PORT and LAB_PULL_PORT override the host side of the ports (see lab.host.forward),
    not these.
    """
    try:
        return _parse(decode(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(
            f"cannot read the topology {file}: {type(error).__name__}: {error}",
            hint="compare it with the one in git: git diff provisioning/topology.json",
        ) from None


def digest(file: Path = FILE) -> str:
    """Return the SHA-256 of what the topology in `file` says, however it is laid out."""
    text = json.dumps(decode(file.read_text()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def host_ports(topology: Topology) -> dict[str, int]:
    """Return mode -> port on localhost: the topology's, or LAB_PUSH_PORT / LAB_PULL_PORT."""
    ports = {}
    for mode, port in topology.ports.items():
        name = f"LAB_{mode.upper()}_PORT"
        text = os.environ.get(name, str(port))
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise LabError(f"{name}={text!r} is not a port", hint="use a number from 1 to 65535")
        ports[mode] = int(text)
    return ports


def _parse(data: dict[str, Any]) -> Topology:
    machines = tuple(
        Machine(
            check_label(item["name"], "machine"),
            item["role"],
            str(ipaddress.IPv4Address(item["address"])),
            str(ipaddress.IPv4Address(item["management"])),
            int(item["memory_mib"]),
        )
        for item in data["machines"]
    )
    for field in ("name", "address", "management"):
        values = [getattr(machine, field) for machine in machines]
        if len(set(values)) != len(values):
            raise ValueError(f"two machines share a {field}")
    if [machine.role for machine in machines].count("api") != 1:
        raise ValueError("exactly one machine must have the role 'api'")
    networks = {name: Network(**fields) for name, fields in data["networks"].items()}
    return Topology(
        check_label(data["lab"], "lab"),
        networks["lab"],
        networks["management"],
        {"push": int(data["ports"]["push"]), "pull": int(data["ports"]["pull"])},
        machines,
    )


def _mac(address: str) -> str:
    """QEMU's vendor prefix, then the last three bytes of the address."""
    return "52:54:00:" + ":".join(
        f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed[1:]
    )
