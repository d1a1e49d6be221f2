"""Which ports of localhost lead into the machines."""

from socket import socket

import pytest

from lab import paths
from lab.machines.qemu import ports
from lab.machines.qemu.ports import Forward
from provisioning import topology
from services.core.errors import LabError

LAB = topology.load()
NAMES = [machine.name for machine in LAB.machines]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "SHARED", tmp_path / "qemu")


def chosen():
    return {name: ports.of(LAB, name) for name in NAMES}


def test_before_they_are_chosen_the_remedy_is_named():
    with pytest.raises(LabError, match="'node1' has no ports yet") as refused:
        ports.of(LAB, "node1")
    assert refused.value.hint == "lab up both"


def test_every_way_into_a_machine_has_a_port_of_its_own_which_stays():
    ports.choose(LAB, [])
    found = chosen()
    for name in NAMES:
        assert [(one.kind, one.there) for one in found[name][:2]] == [("tcp", 22), ("udp", 7979)]
    taken = [(one.kind, one.port) for forwards in found.values() for one in forwards]
    assert len({*taken}) == len(taken)
    ports.choose(LAB, [])
    assert chosen() == found


@pytest.mark.parametrize("runs", [True, False])
def test_a_port_that_another_took_is_chosen_again_unless_its_machine_runs(runs):
    ports.choose(LAB, [])
    before = chosen()
    with socket() as other:
        other.bind((ports.LOOPBACK, before["node1"][0].port))
        other.listen()
        ports.choose(LAB, ["node1"] if runs else [])
    assert (chosen()["node1"] == before["node1"]) is runs
    assert chosen()["node2"] == before["node2"]


def test_the_apis_are_where_the_user_wants_them(monkeypatch):
    monkeypatch.setenv("LAB_PUSH_PORT", "18080")
    ports.choose(LAB, [])
    assert ports.of(LAB, "api")[2:] == (Forward("tcp", 18080, 8080), Forward("tcp", 8081, 8081))
    assert len(ports.of(LAB, "node1")) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"node1:22": "x"}', '{"node1'])
def test_a_damaged_note_is_none(text):
    paths.SHARED.mkdir()
    (paths.SHARED / "ports.json").write_text(text)
    ports.choose(LAB, [])
    assert chosen()
