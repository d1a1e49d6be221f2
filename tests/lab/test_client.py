"""The HTTP clients, against servers on loopback that answer as the contract says."""

import socket
import threading

import pytest

from lab.client import PullClient, PushClient
from services.core.errors import ApiRefused, ApiUnreachable
from services.core.model import Container, Placed
from tests.lab.doubles import http_server


def test_push_lists_containers_and_the_nodes_that_are_silent():
    body = {
        "total": 1,
        "containers": [{"name": "web", "node": "node2"}],
        "unreachable": ["node1"],
    }
    with http_server({"GET /containers": (200, body)}) as (port, _):
        seen = PushClient(port).running()
    assert seen.containers == (Placed(Container("web"), "node2"),)
    assert seen.unreachable == ("node1",)


def test_push_starts_on_any_node_unless_told():
    started = {"status": "started", "container": "web", "node": "node1"}
    with http_server({"POST /container/start": (201, started)}) as (port, seen):
        PushClient(port).start("web")
        PushClient(port).start("web", "node3")
    assert [body for _, _, body in seen] == [{"name": "web"}, {"name": "web", "node": "node3"}]


def test_stopping_what_does_not_run_is_fine_but_other_refusals_are_not():
    gone = (404, {"error": "does not run", "hint": ""})
    with http_server({"POST /container/stop": gone}) as (port, _):
        PushClient(port).stop("web")
    torn = (502, {"error": "node1 did not answer", "hint": "lab status"})
    refused = pytest.raises(ApiRefused, match="502: node1 did not answer")
    with http_server({"POST /container/stop": torn}) as (port, _), refused as caught:
        PushClient(port).stop("web")
    assert caught.value.hint == "lab status"


def test_orders_to_push_are_given_the_time_of_a_slow_node(monkeypatch):
    """Stopping waits for a start of the same name that is under way."""
    asked = []
    client = PushClient(9)
    monkeypatch.setattr(client, "request", lambda *words, read_s=0: asked.append(read_s))
    client.start("web")
    client.stop("web")
    assert min(asked) > 60


def test_pull_tells_wanted_from_running():
    body = {
        "containers": [
            {"name": "a", "node": "node1", "image": "demo", "running": True},
            {"name": "b", "node": None, "image": "nginx", "running": False},
        ],
        "revision": 4,
    }
    with http_server({"GET /api/containers": (200, body)}) as (port, _):
        seen = PullClient(port).declared()
    assert seen.containers == (
        Placed(Container("a"), "node1"),
        Placed(Container("b", "nginx"), None),
    )
    assert seen.running == {"a"}


def test_nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ApiUnreachable, match=r"does not answer: .*refused") as caught:
        PullClient(port).declared()
    assert "lab status" in caught.value.hint


def test_an_api_that_accepts_and_says_nothing_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = PullClient(silent.getsockname()[1])
        with pytest.raises(ApiUnreachable, match="no answer in time"):
            client.request("GET", "/api/containers", read_s=0.2)


def test_a_connection_that_is_closed_without_an_answer_is_unreachable():
    """What the forwarded port does while the API behind it is stopped."""

    def close(server):
        for _ in range(2):
            server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=close, args=(server,), daemon=True)
        thread.start()
        client = PushClient(server.getsockname()[1])
        with pytest.raises(ApiUnreachable):
            client.running()
        with pytest.raises(ApiUnreachable):
            client.start("web")
        thread.join()


def test_an_answer_that_is_no_json_is_no_answer():
    silent = pytest.raises(ApiUnreachable, match="no JSON")
    with http_server({"GET /containers": (200, b"<html>")}) as (port, _), silent:
        PushClient(port).running()


def test_proxies_of_the_environment_see_nothing_of_it(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    body = {"total": 0, "containers": []}
    with http_server({"GET /containers": (200, body)}) as (port, _):
        assert PushClient(port).running() == ((), ())
