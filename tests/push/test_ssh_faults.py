"""Nodes that are gone, silent, frozen or cut off in the middle: every wait is bounded."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import CommandFailed, NodeUnreachable
from services.core.model import Container
from services.push import fleet as module
from services.push.commands import Command, NodeListing
from services.push.errors import NodeBusy
from services.push.inventory import Inventory, NodeLimits, Target
from services.push.session import Session
from tests.push.sshd import BOUND_S, free_port, frozen, user
from tests.waiting import wait_for


def test_a_closed_port_hides_nothing_of_the_others(connect):
    fleet = connect(Target("node2", "127.0.0.1", free_port()))
    fleet.start("node1", Container("web"))
    sight = fleet.look(["node1", "node2"])
    assert sight["node1"] == NodeListing(("web",))
    assert isinstance(sight["node2"], NodeUnreachable)
    assert "refused" in str(sight["node2"])


def test_node_that_accepts_and_says_nothing_costs_a_bounded_time(connect, silent_port):
    fleet = connect(Target("node2", "127.0.0.1", silent_port), limits=NodeLimits(0.5, 1))
    began_s = time.monotonic()
    sight = fleet.look(["node1", "node2"])
    assert sight["node1"] == NodeListing()
    assert isinstance(sight["node2"], NodeUnreachable)
    with pytest.raises(NodeUnreachable, match="node2"):
        fleet.start("node2", Container("web"))
    assert time.monotonic() - began_s < BOUND_S


def test_many_questions_to_a_silent_node_share_one_deadline(connect, silent_port):
    fleet = connect(Target("node2", "127.0.0.1", silent_port), limits=NodeLimits(0.5, 1))
    with ThreadPoolExecutor(10) as pool:
        began_s = time.monotonic()
        sights = list(pool.map(lambda _: fleet.look(["node1", "node2"]), range(10)))
        spent_s = time.monotonic() - began_s
    assert {sight["node1"] for sight in sights} == {NodeListing()}
    assert all(isinstance(sight["node2"], NodeUnreachable) for sight in sights)
    # One after the other they would have taken ten times as long as one.
    assert spent_s < 5 * NodeLimits(0.5, 1).answer_s


def test_silent_handshake_is_given_up(connect, key, tmp_path, silent_port):
    (tmp_path / "known").touch()
    target = Target("node2", "127.0.0.1", silent_port)
    inventory = Inventory(user(), key, tmp_path / "known", (target,))
    began_s = time.monotonic()
    with pytest.raises(NodeUnreachable):
        Session(target, inventory, NodeLimits(0.2, 1)).open()
    # paramiko's own patience is 15 s.
    assert time.monotonic() - began_s < 10


def test_connection_lost_during_a_start_is_no_answer(node, connect):
    fleet = connect()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(fleet.start, "node1", Container("slow"))
        wait_for((node.folder / "slow.pid").exists, "the start is under way", timeout_s=10)
        node.stop()
        with pytest.raises(NodeUnreachable, match="lost"):
            slow.result(BOUND_S)


def test_node_that_freezes_is_unreachable_until_it_thaws(node, connect):
    fleet = connect(limits=NodeLimits(1, 1))
    assert fleet.look(["node1"]) == {"node1": NodeListing()}
    with frozen(node):
        began_s = time.monotonic()
        assert isinstance(fleet.look(["node1"])["node1"], NodeUnreachable)
        assert time.monotonic() - began_s < BOUND_S
    wait_for(
        lambda: fleet.look(["node1"]) == {"node1": NodeListing()}, "it answers", timeout_s=BOUND_S
    )


def test_order_that_was_given_up_is_not_carried_out_later(node, connect):
    fleet = connect(limits=NodeLimits(0.3, 0.5))

    def refused(number):
        with pytest.raises((NodeUnreachable, NodeBusy)):
            fleet.start("node1", Container(f"late{number}"))

    # More than the node's one thread for starts gets round to before their deadline.
    with frozen(node), ThreadPoolExecutor(6) as pool:
        list(pool.map(refused, range(6)))

    def started():
        with contextlib.suppress(NodeUnreachable, NodeBusy):
            return fleet.start("node1", Container("new"))

    wait_for(started, "the node carries out the next order", timeout_s=BOUND_S)
    assert node.calls == ["start push-container@new.service"]


def test_node_that_is_busy_is_not_called_unreachable_and_its_queue_is_left(
    node, connect, monkeypatch
):
    """Each start takes a second until it is given up; one behind several waits for a second."""
    monkeypatch.setattr(module, "TOGETHER", 1)
    monkeypatch.setattr(NodeLimits, "turn_s", 1.0)
    fleet = connect(limits=NodeLimits(2, 1))

    def slow(number):
        with pytest.raises((CommandFailed, NodeBusy)):
            fleet.start("node1", Container(f"slow{number}"))

    with ThreadPoolExecutor() as pool:
        first = pool.submit(slow, 1)
        wait_for((node.folder / "slow.pid").exists, "the first is under way", timeout_s=10)
        others = [pool.submit(slow, number) for number in range(2, 6)]
        wait_for(lambda: all(other.running() for other in others), "they queue", timeout_s=10)
        with pytest.raises(NodeBusy, match="node1 has been busy with other orders") as caught:
            fleet.start("node1", Container("web"))
        assert isinstance(fleet.look(["node1"])["node1"], NodeListing)
        for start in (first, *others):
            start.result(BOUND_S)
    assert caught.value.hint
    assert fleet.start("node1", Container("new"))
    assert "start push-container@web.service" not in node.calls


def test_login_that_took_too_long_starts_nothing(node, key, tmp_path):
    known = tmp_path / "known"
    known.write_text(node.known_hosts())
    session = Session(node.target, Inventory(user(), key, known, (node.target,)), NodeLimits(5, 5))
    command = Command(': >"$1"', (str(node.folder / "late"),))

    def run(start_by_s):
        return session.run("touch", command, timeout_s=5, start_by_s=start_by_s)

    with pytest.raises(NodeUnreachable):
        run(time.monotonic() - 1)
    assert node.logins == 0
    with ThreadPoolExecutor() as pool:
        with frozen(node):
            start_by_s = time.monotonic() + 0.3
            late = pool.submit(run, start_by_s)
            wait_for(lambda: time.monotonic() > start_by_s, "it is too late", timeout_s=10)
        with pytest.raises(NodeUnreachable):
            late.result(BOUND_S)
    session.close()
    assert not (node.folder / "late").exists()
