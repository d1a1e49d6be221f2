import socket
import time

import pytest

from services.agent.client import NodeClient
from services.agent.leaving import ATTEMPTS, leave
from tests.agent.server import StateServer
from tests.serving import unused_port


@pytest.fixture
def server():
    return StateServer()


@pytest.fixture
def goodbye(server):
    """goodbye(at) -> what a goodbye of at most 7 s says."""
    with server.serving() as address:

        def goodbye(at=address, timeout_s=5.0, wait_s=7):
            said: list[str] = []
            client = NodeClient("node1", at, timeout_s=timeout_s, boot="b1")
            leave(client, said.append, wait_s=wait_s, reach_s=0.1)
            return said

        yield goodbye


def test_a_node_without_containers_is_gone_at_once(server, goodbye):
    server.leaving = [([], [])]
    assert goodbye() == ["leaving: nothing to wait for"]
    ((method, path, body),) = server.requests
    assert (method, path) == ("POST", "/api/nodes/node1/leaving?wait=0")
    assert body.pop("uptime_s") > 0
    assert body == {"boot": "b1", "waiting": []}


@pytest.mark.parametrize("second", [(["b"], []), (["a", "b"], []), ([], [])])
def test_it_waits_after_the_server_has_heard_it_and_says_what_runs_elsewhere(
    server, goodbye, second
):
    """By the time of the second question containers may have been unassigned, and not be named."""
    server.leaving = [(["a"], ["b"]), second]
    assert goodbye() == ["leaving: a, b run elsewhere"]
    paths = [f"/api/nodes/node1/leaving?wait={wait_s}" for wait_s in (0, 7)]
    assert server.asked("leaving") == paths
    assert [body["waiting"] for _, _, body in server.requests] == [[], ["b"]]


def test_what_does_not_run_elsewhere_in_time_is_named(server, goodbye):
    server.leaving = [([], ["a", "b"]), ([], ["b"])]
    assert goodbye() == ["leaving: a run elsewhere; gave up waiting for b after 7 s"]


def test_an_api_that_is_not_there_is_one_line_and_two_attempts(goodbye):
    (line,) = goodbye(("127.0.0.1", unused_port()))
    assert line.startswith("leaving without waiting: ")
    assert ATTEMPTS == 2


def test_an_api_that_says_nothing_is_waited_for_no_longer_than_an_exchange(goodbye):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began_s = time.monotonic()
        (line,) = goodbye(silent.getsockname(), 0.1, 0.2)
        assert 0.1 <= time.monotonic() - began_s < 5
    assert "timed out" in line


def test_an_api_that_cannot_be_reached_is_tried_twice_and_not_waited_for(goodbye):
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):  # what comes after these is never accepted
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        began_s = time.monotonic()
        (line,) = goodbye(full.getsockname(), 30)
        assert 0.2 <= time.monotonic() - began_s < 5
    assert line.endswith("does not answer: not reached within 0.1 s")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((404, {"error": "no such route", "hint": ""}), id="a server of before"),
        pytest.param((200, {"elsewhere": [1]}), id="nonsense"),
        pytest.param((200, []), id="no object"),
    ],
)
def test_no_answer_keeps_a_machine_from_shutting_down(server, goodbye, answer):
    server.refusals["leaving"] = answer
    (line,) = goodbye()
    assert line.startswith("leaving without waiting: ")
