"""The two networks: what counts as the one that the topology asks for."""

import re
from pathlib import Path

import pytest

from lab.host import networks
from provisioning import topology

LAB = topology.load()
LAB_NAME, MANAGEMENT = networks.names(LAB)


@pytest.fixture
def libvirt(monkeypatch):
    """Name -> definition, as libvirt keeps them; it knows a name from the file that it is given."""
    kept = {}

    def virsh(command, *words):
        if command == "net-define":
            xml = Path(words[0]).read_text()
            kept[re.findall("<name>(.*)</name>", xml)[0]] = xml
        if command == "net-dumpxml":
            return kept[words[0]]
        return "\n".join(f" {name} active" for name in kept) if command == "net-list" else ""

    for module in ("networks", "virsh"):
        monkeypatch.setattr(f"lab.host.{module}.virsh", virsh)
    return kept


def test_what_was_defined_is_what_the_topology_asks_for(libvirt):
    networks.ensure(LAB)
    assert networks.defined(LAB) == {LAB_NAME: True, MANAGEMENT: True}


def test_the_host_has_the_address_that_guests_pin_it_to(libvirt):
    networks.ensure(LAB)
    assert LAB.management_network.mac == "52:54:00:4d:01:01"
    assert "<mac address='52:54:00:4d:01:01'/>" in libvirt[MANAGEMENT]
    assert LAB.management_network.mac not in {machine.mac for machine in LAB.machines}


@pytest.mark.parametrize("other", ["<mac address='52:54:00:12:34:56'/>", ""])
def test_a_host_at_another_place_is_not_what_is_asked_for(libvirt, other):
    networks.ensure(LAB)
    mac = f"<mac address='{LAB.management_network.mac}'/>"
    libvirt[MANAGEMENT] = libvirt[MANAGEMENT].replace(mac, other)
    assert networks.defined(LAB) == {LAB_NAME: True, MANAGEMENT: False}


def test_a_network_that_stands_still_is_started_and_not_defined_anew(monkeypatch):
    said = []

    def virsh(*words):
        said.append(words)
        return f" {LAB_NAME}  inactive  no  yes\n {MANAGEMENT}  active  no  yes\n"

    for module in ("networks", "virsh"):
        monkeypatch.setattr(f"lab.host.{module}.virsh", virsh)
    networks.ensure(LAB)
    assert said == [("net-list", "--all"), ("net-start", LAB_NAME)]
