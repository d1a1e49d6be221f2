"""Push over a real sshd on loopback, with a strict fake systemctl behind it."""

import contextlib
import math
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import CommandFailed, NodeUnreachable
from services.core.model import Container
from services.push.errors import LoginRefused, NodeDistrusted
from services.push.fleet import Fleet
from services.push.inventory import Inventory, Limits, Target
from services.push.runner import Session
from tests.push.sshd import SshNode, free_port, new_key, signal_if_there, user
from tests.waiting import wait_for

# Generous, because a busy machine is slow to log in; far below what an unbounded wait would take.
LIMITS = Limits(connect_s=2, command_s=10)
BOUND_S = 30


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return new_key(tmp_path_factory.mktemp("client") / "key")


@pytest.fixture
def node(tmp_path, key):
    folder = tmp_path / "node1"
    folder.mkdir()
    node = SshNode("node1", folder, key)
    node.start()
    yield node
    (folder / "go").touch()
    node.stop()


@pytest.fixture
def connect(node, key, tmp_path):
    """Build a Fleet of the real node and of `others`, trusting the host keys of `known`."""

    def connect(*others, known=None, limits=LIMITS, private=key):
        file = tmp_path / "known_hosts"
        file.write_text(node.known_hosts() if known is None else known)
        inventory = Inventory(user(), private, file, (node.target, *others))
        return Fleet(inventory, limits, node.places)

    return connect


@pytest.fixture
def silent_port():
    """A server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_start_list_and_stop(node, connect):
    fleet = connect()
    assert fleet.running(["node1"]) == {"node1": ()}
    assert fleet.start("node1", Container("web", "nginx"))
    assert fleet.start("node1", Container("api-2"))
    assert fleet.running(["node1"]) == {"node1": ("api-2", "web")}
    assert (node.folder / "containers/web/ready").read_text() == "nginx\n"
    assert fleet.stop("node1", "web")
    assert fleet.running(["node1"]) == {"node1": ("api-2",)}


def test_what_is_done_already_is_not_done_again(node, connect):
    fleet = connect()
    assert fleet.start("node1", Container("web"))
    assert not fleet.start("node1", Container("web"))
    assert fleet.stop("node1", "web")
    assert not fleet.stop("node1", "web")
    unit = "push-container@web.service"
    assert node.calls == [f"start {unit}", f"stop {unit}"]


def test_failed_start_shows_the_last_line_of_the_journal(connect):
    with pytest.raises(CommandFailed, match="ports 10000 to 10099 are all taken") as caught:
        connect().start("node1", Container("crash"))
    assert caught.value.code == 1
    assert "node1" in str(caught.value)


def test_start_that_takes_too_long_is_ended_on_the_node_too(node, connect):
    with pytest.raises(CommandFailed, match="not serving after 1 s"):
        connect(limits=Limits(2, 1)).start("node1", Container("slow"))
    pid = int((node.folder / "slow.pid").read_text())
    wait_for(lambda: pid not in node.family(), "the node ends the command", timeout_s=10)


def test_a_long_start_does_not_make_its_node_look_unreachable(node, connect):
    fleet = connect()
    fleet.start("node1", Container("web"))
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(fleet.start, "node1", Container("slow"))
        wait_for((node.folder / "slow.pid").exists, "the start is under way", timeout_s=10)
        assert fleet.running(["node1"]) == {"node1": ("web",)}
        (node.folder / "go").touch()
        assert slow.result(20)


def test_connections_are_kept_between_requests(node, connect):
    fleet = connect()
    for number in range(4):
        fleet.start("node1", Container(f"web{number}"))
        assert len(fleet.running(["node1"])["node1"]) == number + 1
    # One for starts and stops, one for questions.
    assert node.logins == 2


def test_connection_that_died_is_opened_anew(node, connect):
    fleet = connect()
    fleet.start("node1", Container("web"))
    fleet.running(["node1"])
    node.stop()
    assert isinstance(fleet.running(["node1"])["node1"], NodeUnreachable)
    node.start()
    assert fleet.running(["node1"]) == {"node1": ("web",)}
    assert not fleet.start("node1", Container("web"))
    assert node.logins == 4


@pytest.mark.parametrize("pinned", ["another key", "no key"])
def test_unknown_host_key_is_refused_before_anything_is_said(node, connect, tmp_path, pinned):
    other = new_key(tmp_path / "other")
    known = node.known_hosts(other) if pinned == "another key" else ""
    fleet = connect(known=known)
    assert isinstance(fleet.running(["node1"])["node1"], NodeDistrusted)
    with pytest.raises(NodeDistrusted, match="node1"):
        fleet.start("node1", Container("web"))
    assert (node.calls, node.logins) == ([], 0)
    assert (tmp_path / "known_hosts").read_text() == known


def test_key_that_the_node_does_not_know_is_its_own_error(connect, tmp_path):
    fleet = connect(private=new_key(tmp_path / "stranger"))
    assert isinstance(fleet.running(["node1"])["node1"], LoginRefused)


def test_nobody_listening_hides_nothing_of_the_others(connect):
    fleet = connect(Target("node2", "127.0.0.1", free_port()))
    fleet.start("node1", Container("web"))
    sight = fleet.running(["node1", "node2"])
    assert sight["node1"] == ("web",)
    assert isinstance(sight["node2"], NodeUnreachable)
    assert "refused" in str(sight["node2"])


def test_node_that_accepts_and_says_nothing_costs_a_bounded_time(connect, silent_port):
    fleet = connect(Target("node2", "127.0.0.1", silent_port), limits=Limits(0.5, 1))
    began_s = time.monotonic()
    sight = fleet.running(["node1", "node2"])
    assert sight["node1"] == ()
    assert isinstance(sight["node2"], NodeUnreachable)
    with pytest.raises(NodeUnreachable, match="node2"):
        fleet.start("node2", Container("web"))
    assert time.monotonic() - began_s < BOUND_S


def test_many_questions_to_a_silent_node_share_one_deadline(connect, silent_port):
    fleet = connect(Target("node2", "127.0.0.1", silent_port), limits=Limits(0.5, 1))
    with ThreadPoolExecutor(10) as pool:
        began_s = time.monotonic()
        sights = list(pool.map(lambda _: fleet.running(["node1", "node2"]), range(10)))
        spent_s = time.monotonic() - began_s
    assert {sight["node1"] for sight in sights} == {()}
    assert all(isinstance(sight["node2"], NodeUnreachable) for sight in sights)
    # One after the other they would have taken ten times as long as one.
    assert spent_s < 5 * Limits(0.5, 1).answer_s


def test_silent_handshake_is_given_up(connect, key, tmp_path, silent_port):
    (tmp_path / "known").touch()
    target = Target("node2", "127.0.0.1", silent_port)
    inventory = Inventory(user(), key, tmp_path / "known", (target,))
    began_s = time.monotonic()
    with pytest.raises(NodeUnreachable):
        Session(target, inventory, Limits(0.2, 1)).open()
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


@contextlib.contextmanager
def frozen(node):
    pids = node.family()
    for pid in pids:
        signal_if_there(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            signal_if_there(pid, signal.SIGCONT)


def test_node_that_freezes_is_unreachable_until_it_thaws(node, connect):
    fleet = connect(limits=Limits(1, 1))
    assert fleet.running(["node1"]) == {"node1": ()}
    with frozen(node):
        began_s = time.monotonic()
        assert isinstance(fleet.running(["node1"])["node1"], NodeUnreachable)
        assert time.monotonic() - began_s < BOUND_S
    wait_for(lambda: fleet.running(["node1"]) == {"node1": ()}, "it answers", timeout_s=BOUND_S)


def test_order_that_was_given_up_is_not_carried_out_later(node, connect):
    fleet = connect(limits=Limits(0.3, 0.5))

    def refused(number):
        with pytest.raises(NodeUnreachable):
            fleet.start("node1", Container(f"late{number}"))

    # More than the node's one thread for starts gets round to before their deadline.
    with frozen(node), ThreadPoolExecutor(6) as pool:
        list(pool.map(refused, range(6)))

    def started():
        with contextlib.suppress(NodeUnreachable):
            return fleet.start("node1", Container("new"))

    wait_for(started, "the node carries out the next order", timeout_s=BOUND_S)
    assert node.calls == ["start push-container@new.service"]


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
        connect(*places).running(["n0", "n1"])
        for thread in threads:
            thread.join(BOUND_S)
    assert len(met) == 2


def test_arguments_arrive_as_they_are(node, key, tmp_path):
    known = tmp_path / "known"
    known.write_text(node.known_hosts())
    session = Session(node.target, Inventory(user(), key, known, (node.target,)), LIMITS)
    words = ["$(touch oops)", "`id`", "a b", "it's", '"', "\n", "*", "", "-n", "\u00e9\\n"]
    output = session.run("echo", ["printf", "<%s>", *words], timeout_s=10, start_by_s=math.inf)
    session.close()
    assert output == "".join(f"<{word}>" for word in words)
