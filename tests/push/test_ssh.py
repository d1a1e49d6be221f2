"""Push over a real sshd on loopback, with a strict fake systemctl behind it."""

import contextlib
import math
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import CommandFailed, NodeUnreachable
from services.core.model import Container
from services.push.commands import Command, NodeListing
from services.push.errors import LoginRefused, NodeDistrusted
from services.push.inventory import Inventory, NodeLimits, Target
from services.push.session import Session
from tests.push.sshd import BOUND_S, LIMITS, new_key, user
from tests.waiting import wait_for


def test_start_list_and_stop(node, connect):
    fleet = connect()
    assert fleet.look(["node1"]) == {"node1": NodeListing()}
    assert fleet.start("node1", Container("web", "nginx"))
    assert fleet.start("node1", Container("api-2"))
    assert fleet.look(["node1"]) == {"node1": NodeListing(("api-2", "web"))}
    assert (node.folder / "containers/web/ready").read_text() == "nginx\n"
    assert fleet.stop("node1", "web")
    assert fleet.look(["node1"]) == {"node1": NodeListing(("api-2",))}


def test_what_is_done_already_is_not_done_again(node, connect):
    fleet = connect()
    assert fleet.start("node1", Container("web"))
    assert not fleet.start("node1", Container("web"))
    assert fleet.stop("node1", "web")
    assert not fleet.stop("node1", "web")
    unit = "push-container@web.service"
    assert [call for call in node.calls if not call.startswith("is-active")] == [
        f"start {unit}",
        f"start {unit}",  # of what serves: it changes nothing, unless that was about to end
        f"stop {unit}",
        f"stop {unit}",  # of what is gone: it changes nothing, and a start in a queue would go
    ]


def test_failed_start_shows_the_last_line_of_the_journal(connect):
    with pytest.raises(CommandFailed, match="ports 10000 to 10099 are all taken") as caught:
        connect().start("node1", Container("crash"))
    assert caught.value.code == 1
    assert "node1" in str(caught.value)


def test_start_that_takes_too_long_is_ended_on_the_node_too(node, connect):
    with pytest.raises(CommandFailed, match="not serving after 1 s"):
        connect(limits=NodeLimits(2, 1)).start("node1", Container("slow"))
    pid = int((node.folder / "slow.pid").read_text())
    wait_for(lambda: pid not in node.family(), "the node ends the command", timeout_s=10)


def test_a_start_that_was_given_up_is_under_way_still_and_can_be_stopped(node, connect):
    fleet = connect(limits=NodeLimits(2, 1))
    with pytest.raises(CommandFailed):
        fleet.start("node1", Container("slow"))
    assert fleet.look(["node1"]) == {"node1": NodeListing(starting=("slow",))}
    assert fleet.stop("node1", "slow")
    assert fleet.look(["node1"]) == {"node1": NodeListing()}
    assert not fleet.stop("node1", "slow")


def test_a_long_start_does_not_make_its_node_look_unreachable(node, connect):
    fleet = connect()
    fleet.start("node1", Container("web"))
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(fleet.start, "node1", Container("slow"))
        wait_for((node.folder / "slow.pid").exists, "the start is under way", timeout_s=10)
        assert fleet.look(["node1"]) == {"node1": NodeListing(("web",), ("slow",))}
        (node.folder / "go").touch()
        assert slow.result(20)


def test_connections_are_kept_between_requests(node, connect):
    fleet = connect()
    for number in range(4):
        fleet.start("node1", Container(f"web{number}"))
        assert len(fleet.look(["node1"])["node1"].running) == number + 1
    # One for starts and stops, one for questions.
    assert node.logins == 2


def test_connection_that_died_is_opened_anew(node, connect):
    fleet = connect()
    fleet.start("node1", Container("web"))
    fleet.look(["node1"])
    node.stop()
    assert isinstance(fleet.look(["node1"])["node1"], NodeUnreachable)
    node.start()
    assert fleet.look(["node1"]) == {"node1": NodeListing(("web",))}
    assert not fleet.start("node1", Container("web"))
    assert node.logins == 4


@pytest.mark.parametrize("pinned", ["another key", "no key"])
def test_unknown_host_key_is_refused_before_anything_is_said(node, connect, tmp_path, pinned):
    other = new_key(tmp_path / "other")
    known = node.known_hosts(other) if pinned == "another key" else ""
    fleet = connect(known=known)
    assert isinstance(fleet.look(["node1"])["node1"], NodeDistrusted)
    with pytest.raises(NodeDistrusted, match="node1"):
        fleet.start("node1", Container("web"))
    assert (node.calls, node.logins) == ([], 0)
    wait_for(lambda: len(node.family()) == 1, "both connections are closed", timeout_s=10)
    assert (tmp_path / "known_hosts").read_text() == known


def test_key_that_the_node_does_not_know_is_its_own_error(connect, tmp_path):
    fleet = connect(private=new_key(tmp_path / "stranger"))
    assert isinstance(fleet.look(["node1"])["node1"], LoginRefused)


def test_nodes_are_asked_at_the_same_time(connect):
    """Two nodes that hang up only once both have been asked."""
    both = threading.Barrier(2)
    met = []

    def meet(server):
        with contextlib.suppress(OSError, threading.BrokenBarrierError):
            with server.accept()[0]:
                both.wait(LIMITS.answer_s / 2)
            met.append(server)

    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        threads = [threading.Thread(target=meet, args=(server,)) for server in (a, b)]
        for thread in threads:
            thread.start()
        places = [Target(f"n{i}", *server.getsockname()) for i, server in enumerate((a, b))]
        connect(*places).look(["n0", "n1"])
        for thread in threads:
            thread.join(BOUND_S)
    assert len(met) == 2


def test_arguments_arrive_as_they_are(node, key, tmp_path):
    known = tmp_path / "known"
    known.write_text(node.known_hosts())
    session = Session(node.target, Inventory(user(), key, known, (node.target,)), LIMITS)
    words = ["$(touch oops)", "`id`", "a b", "it's", '"', "\n", "*", "", "-n", "\u00e9\\n"]
    command = Command('printf "<%s>" "$@"', tuple(words))
    output = session.run("echo", command, timeout_s=10, start_by_s=math.inf)
    session.close()
    assert output == "".join(f"<{word}>" for word in words)
