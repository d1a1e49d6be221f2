import time

import pytest

from services.agent.leaving import ATTEMPTS, leave
from services.agent.line import Line
from tests.agent.server import StateServer
from tests.serving import unused_port


@pytest.fixture
def server():
    return StateServer()


@pytest.fixture
def goodbye(server):
    """goodbye(at) -> what a goodbye of at most 7 s says."""
    with server.serving() as address:

        def goodbye(at=address, timeout_s=5.0):
            said: list[str] = []
            leave(Line("node1", at, timeout_s=timeout_s, boot="b1"), said.append, wait_s=7)
            return said

        yield goodbye


def test_a_node_without_containers_is_gone_at_once(server, goodbye):
    server.leaving = [([], [])]
    assert goodbye() == ["leaving: nothing to wait for"]
    assert server.requests == [("POST", "/api/nodes/node1/leaving?wait=0", {"boot": "b1"})]


def test_it_waits_until_everything_runs_elsewhere(server, goodbye):
    server.leaving = [(["a"], ["b", "c"]), (["a", "b", "c"], [])]
    assert goodbye() == [
        "leaving: a run elsewhere; waiting for b, c",
        "leaving: a, b, c run elsewhere",
    ]
    assert server.asked("leaving") == [
        "/api/nodes/node1/leaving?wait=0",
        "/api/nodes/node1/leaving?wait=7",
    ]


def test_what_does_not_run_elsewhere_in_time_is_named(server, goodbye):
    server.leaving = [([], ["a", "b"]), (["a"], ["b"])]
    assert goodbye()[1:] == ["leaving: a run elsewhere; gave up waiting for b after 7 s"]


def test_an_api_that_is_not_there_is_one_line_and_two_attempts(goodbye):
    (line,) = goodbye(("127.0.0.1", unused_port()))
    assert line.startswith("leaving without waiting: ")
    assert ATTEMPTS == 2


def test_an_api_that_says_nothing_is_waited_for_no_longer_than_two_exchanges(goodbye):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        began_s = time.monotonic()
        (line,) = goodbye(silent.getsockname(), 0.1)
        assert 0.2 <= time.monotonic() - began_s < 5
    assert "timed out" in line


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
