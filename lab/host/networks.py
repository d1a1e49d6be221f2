"""The two networks of the lab, defined before any machine boots.

Left to itself vagrant-libvirt makes them while booting: a race between parallel machines, and
a first DHCP lease after 12 s, because dnsmasq pings unreserved addresses before it gives them.
"""

import ipaddress
import tempfile

from lab.host.virsh import listed, virsh
from provisioning.topology import Topology


def names(topology: Topology) -> tuple[str, str]:
    """Return the libvirt names of the lab's own network and of the way in."""
    return f"{topology.lab}-lab", f"{topology.lab}-mgmt"


def management_cidr(topology: Topology) -> str:
    """Return the way in as vagrant-libvirt wants it: ADDRESS/BITS of the network."""
    network = topology.management_network
    return str(ipaddress.ip_network(f"{network.gateway}/{network.netmask}", strict=False))


def ensure(topology: Topology) -> None:
    """Define and start both networks. Idempotent; what is defined otherwise stays as it is."""
    found = listed("net-list")
    for name, xml in zip(names(topology), (_lab(topology), _management(topology)), strict=True):
        if name not in found:
            _define(xml)
        if not found.get(name):
            virsh("net-start", name)


def defined(topology: Topology) -> dict[str, bool]:
    """Return which of both networks are there -> whether the topology asks for just that."""
    found = listed("net-list")
    return {name: _same(name, topology) for name in names(topology) if name in found}


def undefine(name: str) -> None:
    """Stop and undefine the network `name`."""
    if listed("net-list").get(name):
        virsh("net-destroy", name)
    virsh("net-undefine", name)


def _same(name: str, topology: Topology) -> bool:
    """Whether the defined network has the addresses that the topology asks for."""
    have = virsh("net-dumpxml", name)
    if name == names(topology)[0]:
        return f"address='{topology.lab_network.gateway}'" in have
    if f"mac address='{topology.management_network.mac}'" not in have:
        return False
    wanted = [(machine.mac, machine.management) for machine in topology.machines]
    found = all(f"mac='{mac}'" in have and f"ip='{address}'" in have for mac, address in wanted)
    return found and have.count("<host ") == len(wanted)


def _define(xml: str) -> None:
    # virsh reads definitions from files only, /dev/stdin included.
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(xml)
        file.flush()
        virsh("net-define", file.name)


def _lab(topology: Topology) -> str:
    network = topology.lab_network
    return f"""<network>
  <name>{names(topology)[0]}</name>
  <bridge name='{topology.lab[:10]}-0' stp='off' delay='0'/>
  <dns enable='no'/>
  <ip address='{network.gateway}' netmask='{network.netmask}'/>
</network>
"""


def _management(topology: Topology) -> str:
    network = topology.management_network
    hosts = "\n".join(
        f"      <host mac='{machine.mac}' name='{machine.name}' ip='{machine.management}'/>"
        for machine in topology.machines
    )
    last = ipaddress.ip_network(management_cidr(topology)).broadcast_address - 1
    return f"""<network>
  <name>{names(topology)[1]}</name>
  <bridge name='{topology.lab[:10]}-m' stp='off' delay='0'/>
  <mac address='{network.mac}'/>
  <dns enable='no'/>
  <ip address='{network.gateway}' netmask='{network.netmask}'>
    <dhcp>
      <range start='{last - 53}' end='{last}'/>
{hosts}
    </dhcp>
  </ip>
</network>
"""
