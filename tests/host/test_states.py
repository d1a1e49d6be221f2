"""Which machines there are, also when there is nothing to ask."""

from lab.host import netns, settings, virsh
from lab.machines import domains
from provisioning import topology

LAB = topology.load()


def test_without_the_labs_namespace_every_machine_is_absent(monkeypatch):
    monkeypatch.setattr(settings, "namespace_of", lambda lab: "gone")
    monkeypatch.setattr(netns, "exists", lambda name: False)
    assert set(domains.states(LAB, timeout_s=1).values()) == {"absent"}


def test_what_libvirt_says_is_told_in_three_words(monkeypatch):
    said = {"api": "running", "node1": "shut off", "node2": "in shutdown"}
    monkeypatch.setattr(settings, "namespace_of", lambda lab: None)
    monkeypatch.setattr(domains, "domains", lambda prefix, **_: said)
    assert domains.states(LAB, timeout_s=1) == {
        "api": "running",
        "node1": "off",
        "node2": "running",
        "node3": "absent",
    }


def test_identities_are_read_as_virsh_prints_them(monkeypatch):
    """Asked of libvirt's own test driver, which needs no daemon and has a domain `test`."""
    monkeypatch.setattr(virsh, "URI", "test:///default")
    (name,) = virsh.domains("")
    found = virsh.identities("")
    assert found == {name: virsh.virsh("domuuid", name).strip()}
    assert list(virsh.identities(name[:2])) == [name[2:]]
    assert virsh.identities("other_") == {}
