"""The one file that says which machines there are."""

import json

import pytest

from provisioning import topology
from provisioning.topology import host_ports
from services.core.errors import LabError

GOOD = json.loads(topology.FILE.read_text())


def _broken(change):
    data = json.loads(json.dumps(GOOD))
    change(data)
    return data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_broken(lambda d: d.pop("machines")), id="no machines"),
        pytest.param(
            _broken(lambda d: d["machines"][1].update(name="api")), id="two machines of one name"
        ),
        pytest.param(
            _broken(lambda d: d["machines"][1].update(address="10.77.0.10")), id="one address twice"
        ),
        pytest.param(_broken(lambda d: d["machines"][1].update(role="api")), id="two APIs"),
        pytest.param(_broken(lambda d: d["machines"][1].update(name="a b")), id="no label"),
        pytest.param(_broken(lambda d: d["machines"][1].update(address="x")), id="no address"),
        pytest.param([], id="a list"),
    ],
)
def test_a_topology_that_cannot_be_is_refused_with_a_hint(tmp_path, data):
    file = tmp_path / "topology.json"
    file.write_text(json.dumps(data))
    with pytest.raises(LabError) as refused:
        topology.load(file)
    assert refused.value.hint


def test_a_file_that_is_not_json_is_refused(tmp_path):
    file = tmp_path / "topology.json"
    file.write_text("{")
    with pytest.raises(LabError):
        topology.load(file)


def test_roles_addresses_and_macs():
    lab = topology.load()
    assert lab.api.name == "api"
    assert [node.name for node in lab.nodes] == ["node1", "node2", "node3"]
    assert lab.node("node1").mac == "52:54:00:4d:01:0b"
    with pytest.raises(LabError) as unknown:
        lab.node("api")
    assert "node1, node2, node3" in unknown.value.hint


def test_the_environment_moves_the_hosts_ports(monkeypatch):
    lab = topology.load()
    monkeypatch.setenv("LAB_PUSH_PORT", "18080")
    assert host_ports(lab) == {"push": 18080, "pull": 8081}
    for bad in ("0", "65536", "http", "-1"):
        monkeypatch.setenv("LAB_PULL_PORT", bad)
        with pytest.raises(LabError) as refused:
            host_ports(lab)
        assert refused.value.hint
