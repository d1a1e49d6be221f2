"""Both profiles make the same pass: what is true of one is true of the other.

A real state server on loopback, the real Systemd on a folder that looks like a node's.
"""

import time

import pytest

from services.agent.client import NodeClient
from services.agent.local_state import LocalState
from services.agent.longpoll import LongPoll
from services.agent.loop import run
from services.agent.memory import Memory
from services.agent.narrator import Narrator
from services.agent.plane import Plane
from services.agent.systemd import Systemd
from services.core.model import STOP, Assignment, Container
from tests.agent.server import StateServer
from tests.fakes import FakeNode
from tests.serving import unused_port

A = Container("a")
S = Container("s", on_disconnect=STOP)
NOBODY = ("127.0.0.1", unused_port())
# Of the watching profile, here: long enough for what a pass does, short enough for many passes.
TICK_S = 0.2
WATCH_S = 0.5


@pytest.fixture
def node(tmp_path):
    return FakeNode(tmp_path / "node")


@pytest.fixture
def server():
    return StateServer(Assignment("e", 5, (A, S), lease_s=30.0))


class Ended:
    """How a run of the agent ended."""

    def __init__(self, done, lines):
        self.done = done
        self.lines = lines


@pytest.fixture(params=["polling", "watching"])
def agent(request, node, tmp_path):
    """agent(address, later_s=…) -> a whole run of the agent; later_s: added to its clock."""
    (tmp_path / "state").mkdir()
    state = str(tmp_path / "state")

    def agent(address, later_s=0.0):
        lines: list[str] = []
        memory = Memory(state, state, "boot1", lines.append)
        local = LocalState(memory, lambda: time.monotonic() + later_s)
        client = NodeClient("node1", address, timeout_s=5)
        plane: Plane | LongPoll = Plane(client, local, lines.append)
        systemd = Systemd(str(node.root), str(node.systemctl), patience_s=TICK_S)
        if request.param == "watching":
            until_s = time.monotonic() + WATCH_S
            plane = LongPoll(plane, tick_s=TICK_S, until_s=until_s)
        return Ended(
            run(
                plane,
                systemd,
                Narrator(f"{state}/said.json", lambda text: lines.extend(text.split("\n"))),
            ),
            lines,
        )

    return agent


def runs(node):
    return {name for name in ("a", "s", "fake") if node.runs(name)}


def test_it_starts_what_is_assigned_and_reports_it(agent, node, server):
    with server.serving() as address:
        ended = agent(address)
    assert ended.done
    assert ended.lines[:3] == [
        "RECONCILIATION: 0 to stop, 2 to start",
        "START a: assigned here but not running",
        "START s: assigned here but not running",
    ]
    assert runs(node) == {"a", "s"}
    report = server.reports()[-1]
    assert [item["name"] for item in report["running"]] == ["a", "s"]
    assert report["revision"] == 5


def test_it_stops_what_is_not_assigned(agent, node, server):
    with server.serving() as address:
        agent(address)
        node.start_by_hand("fake")
        ended = agent(address)
    assert ended.lines[:2] == [
        "RECONCILIATION: 1 to stop, 0 to start",
        "STOP fake: not assigned here",
    ]
    assert runs(node) == {"a", "s"}
    assert [item["name"] for item in server.reports()[-1]["running"]] == ["a", "s"]


def test_without_the_server_it_goes_on_from_what_it_was_told(agent, node, server):
    with server.serving() as address:
        agent(address)
    node.crash("a")
    node.start_by_hand("fake")
    ended = agent(NOBODY)
    assert ended.lines[0].startswith("API unreachable, using local state from ")
    assert runs(node) == {"a", "s"}
    assert ended.done


def test_without_ever_having_heard_from_the_server_it_touches_nothing(agent, node):
    node.start_by_hand("fake")
    calls = node.calls()
    lines = agent(NOBODY).lines
    assert lines == ["API unreachable, no local state: leaving everything as it is"]
    assert node.calls() == calls


def test_what_its_lease_ran_out_for_is_stopped_and_not_started(agent, node, server):
    with server.serving() as address:
        agent(address)
    ended = agent(NOBODY, later_s=31)
    assert runs(node) == {"a"}
    assert any(line.startswith("STOP s: cut off for 31.") for line in ended.lines)
    node.start_by_hand("s")
    agent(NOBODY, later_s=32)
    assert runs(node) == {"a"}


def test_what_its_lease_ran_out_for_is_stopped_before_the_server_is_asked(agent, node, server):
    with server.serving() as address:
        agent(address)
        requests = len(server.requests)
        ended = agent(address, later_s=31)
    assert server.reports()[-1]["revision"] == 5
    (first, *_) = [body for _, _, body in server.requests[requests:] if body]
    assert [item["name"] for item in first["running"]] == ["a"]
    # The answer renewed the lease.
    assert runs(node) == {"a", "s"}
    assert ended.lines[-1] in ("START s: assigned here but not running", "converged (2 containers)")


def test_an_older_answer_changes_nothing(agent, node, server):
    with server.serving() as address:
        agent(address)
        server.assign(Assignment("e", 4, (), lease_s=30.0))
        ended = agent(address)
    older = "API answered revision 4, older than 5, using local state from "
    assert ended.lines[0].startswith(older)
    assert runs(node) == {"a", "s"}


def test_what_systemd_refuses_is_narrated_and_a_later_run_does_it(agent, node, server):
    with server.serving() as address:
        node.refuse()
        refused = agent(address)
        assert not refused.done
        assert any("exit code 1" in line for line in refused.lines)
        (node.root / "refuse").unlink()
        assert agent(address).done
    assert runs(node) == {"a", "s"}
