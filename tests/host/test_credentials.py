"""What a new machine is given for its first boot."""

import pytest

from lab.host import tokens
from lab.host.credentials import credentials
from provisioning import topology
from provisioning.guest import source

LAB = topology.load()


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(tokens, "TOKENS", tmp_path)


def test_a_node_gets_its_own_token_and_no_other():
    given = credentials(LAB, ("push", "pull"))["node1"]
    assert given["lab.token"] == tokens.of("node1")
    assert not any(tokens.of("node2") in text for text in given.values())


def test_the_api_machine_gets_digests_and_no_token():
    given = credentials(LAB, ("pull",))[LAB.api.name]
    assert given["lab.tokens"] == tokens.accepted(node.name for node in LAB.nodes)
    assert not any(tokens.of(node.name) in text for node in LAB.nodes for text in given.values())


def test_all_are_told_the_modes_and_the_code_for_which_they_hold():
    for machine in LAB.machines:
        told = credentials(LAB, ("push", "pull"))[machine.name]["lab.first"]
        assert told == f"{source.digest()} push pull\n"
