"""Starts and stops that take longer than their order, or that push does not survive: one copy."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import CommandFailed
from services.core.model import Container
from services.push.commands import NodeListing
from services.push.inventory import NodeLimits, Target
from services.push.push import ALREADY_RUNNING, STARTED, STOPPED, Outcome, Push
from tests.push.sshd import BOUND_S, free_port, user
from tests.serving import ROOT
from tests.waiting import wait_for

# Gives one order as push does, until it is killed.
ORDER = """\
import sys
from pathlib import Path
from services.core.model import Container
from services.push.commands import Places
from services.push.fleet import Fleet
from services.push.inventory import Inventory, NodeLimits, Target
verb, name, user, key, known, port, *places = sys.argv[1:]
inventory = Inventory(user, Path(key), Path(known), (Target("node1", "127.0.0.1", int(port)),))
fleet = Fleet(inventory, NodeLimits(5, 60), Places(*places))
fleet.start("node1", Container(name)) if verb == "start" else fleet.stop("node1", name)
"""


@pytest.fixture
def push(connect):
    """Push over the real node, which has the first turn, and one that refuses connections."""
    fleet = connect(Target("node2", "127.0.0.1", free_port()), limits=NodeLimits(2, 1))
    push = Push(fleet)
    # Its second turn is the other node's: where a second copy would be started.
    push.start(Container("web"))
    return push


@pytest.fixture
def killed(node, push, key, tmp_path):
    """Give an order to the node from another process, and kill that in the middle of it."""

    def killed(verb, name):
        words = [verb, name, user(), key, tmp_path / "known_hosts", node.port, *node.places]
        process = subprocess.Popen([sys.executable, "-c", ORDER, *map(str, words)], cwd=ROOT)
        try:
            wait_for((node.folder / "slow.pid").exists, "the order is under way", timeout_s=20)
        finally:
            process.kill()
            process.wait()

    return killed


def test_a_start_longer_than_its_order_is_found_by_the_next_order(node, push):
    for node_named in ("node1", None):
        with pytest.raises(CommandFailed, match=r"node1.*not serving after 1 s"):
            push.start(Container("slow"), node_named)
        assert push.look()["node1"] == NodeListing(("web",), ("slow",))
    (node.folder / "go").touch()
    assert push.start(Container("slow"), "node2") == Outcome(STARTED, "slow", "node1", ())
    # Whosever turn it is.
    for _ in range(2):
        assert push.start(Container("slow"))[:3] == (ALREADY_RUNNING, "slow", "node1")


def test_a_start_goes_on_when_push_is_killed_and_is_found_by_the_next_push(node, push, killed):
    killed("start", "slow")
    assert push.look()["node1"] == NodeListing(("web",), ("slow",))
    with ThreadPoolExecutor() as pool:
        again = pool.submit(push.start, Container("slow"))
        wait_for(lambda: len(node.calls) == 3, "the next order waits for it", timeout_s=10)
        (node.folder / "go").touch()
        assert again.result(BOUND_S).node == "node1"
    assert set(node.calls[1:]) == {"start push-container@slow.service"}


def test_a_start_that_push_did_not_survive_can_be_stopped(push, killed):
    killed("start", "slow")
    assert push.stop("slow") == Outcome(STOPPED, "slow", "node1")
    assert push.look()["node1"] == NodeListing(("web",))


def test_a_stop_longer_than_its_order_is_finished_by_the_next_order(node, push):
    push.start(Container("stuck"), "node1")
    with pytest.raises(CommandFailed, match=r"node1.*not gone after 1 s"):
        push.stop("stuck")
    assert "stuck" in push.look()["node1"].running
    (node.folder / "go").touch()
    assert push.stop("stuck") == Outcome(STOPPED, "stuck", "node1")
    assert push.look()["node1"] == NodeListing(("web",))


def test_a_stop_that_push_did_not_survive_is_finished_by_the_next_push(node, push, killed):
    push.start(Container("stuck"), "node1")
    killed("stop", "stuck")
    with ThreadPoolExecutor() as pool:
        again = pool.submit(push.stop, "stuck")
        stop = "stop push-container@stuck.service"
        wait_for(lambda: node.calls.count(stop) == 2, "the next order waits for it", timeout_s=10)
        (node.folder / "go").touch()
        assert again.result(BOUND_S).status == STOPPED
    assert push.look()["node1"] == NodeListing(("web",))
