"""The real server over three real members of etcd: most of them are lost, and come back."""

import threading
import time
from contextlib import contextmanager

import pytest

from lab.planes.client import PullClient
from services.core.messages import STALE
from services.deciders import node_controller, scheduler
from tests.pull.conftest import Realms
from tests.pull.lab import Node
from tests.pull.passes import plain_pass
from tests.pull.watcher import Watcher
from tests.serving import StateServer
from tests.state.etcd_cluster import Cluster
from tests.waiting import wait_for

# Of the profile `fast`.
LEASE_S = 3.0
LISTS = ("/api/containers", "/api/containers/a", "/api/nodes", "/api/nodes/node1", "/api/events")


@pytest.fixture
def members(tmp_path):
    cluster = Cluster(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def realms(members, tmp_path):
    """Of a server of which node1 is known, and that `a` is to run there."""
    server = StateServer(tmp_path / "data", etcd=members.addresses)
    made = Realms(server.admin, server.node)
    try:
        assert beat(made).ok
        assert made.admin("POST", "/api/containers", json={"name": "a", "node": "node1"}).ok
        yield made
        assert server.process.poll() is None
    finally:
        made.close()
        server.kill()


@pytest.fixture
def node(realms, tmp_path):
    """The agent of node1, which runs `a`."""
    made = Node("node1", tmp_path / "node1")
    made.tick(realms.node_address)
    assert made.runs() == ["a"]
    made.tick(realms.node_address)
    return made


@contextmanager
def awake(node, address):
    """Let the agent of `node` make a pass twice a second."""
    ended = threading.Event()

    def run():
        while not ended.wait(0.5):
            node.tick(address)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def beat(realms):
    return realms.node("POST", "/api/nodes/node1/heartbeat")


def ask_all(realms):
    """What each path answers, at once; and all marks."""
    answers = []
    began_s = time.monotonic()
    for path in LISTS:
        answer = realms.admin("GET", path)
        assert answer.ok, answer.text
        answers.append(answer)
    assert time.monotonic() - began_s < 1
    return {path: one.json() for path, one in zip(LISTS, answers, strict=True)}, {
        one.headers.get(STALE, "") for one in answers
    }


def refused(answer, within_s):
    assert answer.status_code == 503
    assert answer.elapsed.total_seconds() < within_s
    assert sorted(answer.json()) == ["error", "hint"]
    assert "etcd" in answer.json()["error"] + answer.json()["hint"]


def test_without_most_members_changes_are_refused_and_reads_go_on(members, realms, node, capsys):
    before, marks = ask_all(realms)
    assert marks == {""}
    watcher = Watcher(realms.address, "/api/containers")
    watcher.send(60)
    for member in (0, 1):
        members.kill(member)
    lost_s = time.monotonic()
    refused(realms.admin("POST", "/api/containers", json={"name": "b"}), within_s=6)
    wait_for(lambda: "" not in ask_all(realms)[1], "all lists are marked", timeout_s=10)
    # What is known to be lost is not tried again and again.
    refused(realms.admin("POST", "/api/containers", json={"name": "b"}), within_s=1)
    refused(beat(realms), within_s=1)
    refused(realms.node("GET", "/api/nodes/node1/desired?wait=1"), within_s=1)
    refused(realms.admin("GET", "/readyz"), within_s=1)
    assert STALE in realms.node("GET", "/api/containers?node=node1").headers
    said = "\n".join(node.tick(realms.node_address))
    assert "API answered 503" in said
    assert "using local state" in said
    assert node.runs() == ["a"]
    outlasted_s = lost_s + 2 * LEASE_S
    wait_for(lambda: time.monotonic() > outlasted_s, "leases would be over", timeout_s=20)
    after, marks = ask_all(realms)
    assert "" not in marks
    assert after["/api/containers"] == before["/api/containers"]
    assert after["/api/events"] == before["/api/events"]
    assert after["/api/nodes/node1"]["status"] != "down"
    for decider in (node_controller, scheduler):
        plain_pass(decider, realms.address)
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("nothing decided: ")
        assert "possibly stale: etcd" in said.err
    lab = PullClient(realms.address[1])
    lab.declared()
    lab.nodes()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("possibly stale: etcd ")
    assert not watcher.is_answered()

    with awake(node, realms.node_address):
        members.start(0, 1)
        wait_for(lambda: ask_all(realms)[1] == {""}, "no list is marked any more", timeout_s=20)
        assert beat(realms).ok
        assert realms.node("GET", "/api/nodes/node1/desired?wait=0").ok
        assert realms.admin("GET", "/readyz").ok
        assert realms.admin("POST", "/api/containers", json={"name": "c"}).ok
        assert watcher.is_answered(within_s=5)
        # Of c, or of b before it: what became of a change is not known when its answer is 503.
        assert watcher.answer()[0] == 200
        watcher.close()
        for decider in (node_controller, scheduler):
            plain_pass(decider, realms.address)
        assert realms.placed()["a"] == "node1"
        assert realms.placed()["c"] == "node1"
        kinds = [event["kind"] for event in realms.admin("GET", "/api/events").json()["events"]]
        assert "node-down" not in kinds
