"""Tokens on the host: made once, replaced in steps, never readable by others."""

import json
import stat

import pytest

from lab.host import tokens

NODES = ["node1", "node2"]


@pytest.fixture(autouse=True)
def made(monkeypatch, tmp_path):
    monkeypatch.setattr(tokens, "TOKENS", tmp_path / "tokens")
    tokens.ensure(NODES)


def test_every_node_has_a_token_of_its_own_that_nobody_else_reads():
    texts = {tokens.of(node) for node in NODES}
    assert len(texts) == 2
    assert all(len(text) == 43 for text in texts)  # 32 bytes, as base64
    for path in tokens.TOKENS.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(tokens.TOKENS.stat().st_mode) == 0o700


def test_a_second_time_makes_nothing_new():
    before = {node: tokens.of(node) for node in NODES}
    tokens.ensure(NODES)
    assert {node: tokens.of(node) for node in NODES} == before


def test_the_server_gets_digests_and_no_token():
    table = json.loads(tokens.accepted(NODES))
    assert table == {node: [tokens.digest(tokens.of(node))] for node in NODES}


def test_while_a_token_is_replaced_both_are_accepted_and_the_new_one_is_used():
    old = tokens.of("node1")
    tokens.begin("node1")
    new = tokens.of("node1")
    assert new != old
    assert tokens.begun(NODES) == ["node1"]
    accepted = [tokens.digest(old), tokens.digest(new)]
    assert json.loads(tokens.accepted(NODES))["node1"] == accepted
    tokens.begin("node1")  # interrupted and begun again: the same one
    assert tokens.of("node1") == new
    tokens.finish("node1")
    assert tokens.of("node1") == new
    assert json.loads(tokens.accepted(NODES))["node1"] == accepted[1:]
    tokens.finish("node1")
    assert tokens.begun(NODES) == []
