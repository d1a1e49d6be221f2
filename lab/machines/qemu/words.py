"""The command lines of the lab's QEMUs. Pure: what a machine is made of goes in, words come out.

Each machine is what the Vagrantfile makes of it: the same kernel, disk, credentials, and the same
two networks. eth0 is a user-mode network of its own, whose DHCP server has one address to give,
the machine's; eth1 is a plug of the hub.
"""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.machines.qemu.ports import LOOPBACK, Forward
from provisioning.topology import Machine, Network, Topology

# The plug of the hub where this computer is: the gateway of the lab's network.
GATEWAY = "gateway"
_PLAIN = ("-nodefaults", "-no-user-config", "-display", "none")


def machine(
    topology: Topology,
    machine: Machine,
    made: Mapping[str, Any],
    disk: Path,
    run: Path,
    forwards: Iterable[Forward],
) -> list[str]:
    """Return the words after `qemu-system-x86_64` for `machine`.

    made: of lab.json, as it was when the machine was created. run: the folder of sockets.
    """
    lab = topology.lab_network
    command_line = (
        f"{made['kernel_command_line']} systemd.hostname={machine.name} "
        f"ip={machine.address}:::{lab.netmask}::eth1:none"
    )
    tcg = made["accel"] == "tcg"
    words = ["-name", f"{topology.lab}-qemu_{machine.name}", *_PLAIN]
    words += ["-machine", "pc", "-accel", made["accel"], "-cpu", "qemu64" if tcg else "host"]
    words += ["-m", str(machine.memory_mib), "-smp", "1"]
    words += ["-kernel", made["kernel"], "-initrd", made["initrd"], "-append", command_line]
    # As JSON: a comma in a path needs no care there.
    file = {"driver": "file", "filename": str(disk), "cache": {"no-flush": True}}
    block = {"driver": "qcow2", "node-name": "disk", "file": file, "cache": {"no-flush": True}}
    words += ["-blockdev", json.dumps(block), "-device", "virtio-blk-pci,drive=disk"]
    words += ["-device", "virtio-rng-pci"]
    words += ["-chardev", f"file,id=console,append=on,path={_escaped(made['console'])}"]
    words += ["-serial", "chardev:console", *_control(run, machine.name)]
    words += ["-netdev", _user(topology.management_network, machine.management, forwards)]
    words += ["-device", f"virtio-net-pci,netdev=host,romfile=,mac={machine.mac}"]
    words += ["-netdev", _plug(run, machine.name)]
    words += ["-device", f"virtio-net-pci,netdev=lab,romfile=,mac={_lab_mac(machine)}"]
    for name, path in made["credentials"].items():
        words += ["-fw_cfg", f"name=opt/io.systemd.credentials/{name},file={_escaped(path)}"]
    return words


def gateway(topology: Topology, run: Path) -> list[str]:
    """Return the words for a QEMU without a machine: this computer's place in the lab's network.

    Its user-mode network has the host's address there. What it forwards is asked for later.
    """
    host = topology.lab_network
    last = ipaddress.ip_network(f"{host.gateway}/{host.netmask}", strict=False).broadcast_address
    words = ["-name", f"{topology.lab}-qemu_{GATEWAY}", *_PLAIN, "-machine", "none"]
    words += _control(run, GATEWAY)
    words += ["-netdev", _user(host, str(last - 1), ()), "-netdev", _plug(run, GATEWAY)]
    for number, end in enumerate(("host", "lab")):
        words += ["-netdev", f"hubport,id=end{number},hubid=0,netdev={end}"]
    return words


def door(run: Path, name: str) -> Path:
    """Return the control socket of the QEMU of machine `name`, or of GATEWAY."""
    return run / f"{name}.qmp"


def pid_file(run: Path, name: str) -> Path:
    """Return the file in which that QEMU writes its process id."""
    return run / f"{name}.pid"


def _control(run: Path, name: str) -> list[str]:
    return [
        "-qmp",
        f"unix:{door(run, name)},server=on,wait=off",
        "-pidfile",
        f"{pid_file(run, name)}",
    ]


def _user(network: Network, only: str, forwards: Iterable[Forward]) -> str:
    """A user-mode network without a way out, where this computer has the gateway's address."""
    whole = ipaddress.ip_network(f"{network.gateway}/{network.netmask}", strict=False)
    # slirp answers for a name server, too: not for an address that a machine may have.
    names = whole.broadcast_address - 2
    words = f"user,id=host,restrict=on,ipv6=off,net={whole},host={network.gateway},dns={names}"
    return f"{words},dhcpstart={only}" + "".join(
        f",hostfwd={kind}:{LOOPBACK}:{port}-{only}:{there}" for kind, port, there in forwards
    )


def _plug(run: Path, name: str) -> str:
    here, there = run / f"{name}.net", run / f"{name}.hub"
    return f"dgram,id=lab,local.type=unix,local.path={here},remote.type=unix,remote.path={there}"


def _lab_mac(machine: Machine) -> str:
    """As that of the management interface, made of the other address."""
    return machine._replace(management=machine.address).mac


def _escaped(path: str) -> str:
    """QEMU's lists are separated by commas."""
    return path.replace(",", ",,")
