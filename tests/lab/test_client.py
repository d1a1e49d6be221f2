"""The HTTP clients, against servers on loopback that answer as the contract says."""

import json
import socket
import threading

import pytest

from lab.planes.client import PullClient, PushClient
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


def test_a_text_is_returned_as_it_is_and_a_refusal_is_none():
    refused = {"error": "no such page", "hint": "GET /metrics"}
    routes = {"GET /metrics": (200, {"a": 1}), "GET /other": (404, refused)}
    with http_server(routes) as (port, _):
        assert json.loads(PushClient(port).text("/metrics")) == {"a": 1}
        with pytest.raises(ApiRefused, match="no such page"):
            PushClient(port).text("/other")


def test_an_answer_that_is_no_json_is_no_answer():
    silent = pytest.raises(ApiUnreachable, match="no JSON")
    with http_server({"GET /containers": (200, b"<html>")}) as (port, _), silent:
        PushClient(port).running()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.0 404 File not found\r\n\r\n<html>",
        b'HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\n{"detail":"Not Found"}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"containers":[]}',
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
    ids=["http.server", "JSON of another shape", "JSON of our shape", "no HTTP"],
)
def test_another_server_on_our_port_is_called_that(said):
    def answer(server):
        with server.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        with pytest.raises(ApiUnreachable, match=f"another server has port {port}") as caught:
            PushClient(port).running()
    assert f"sport = :{port}" in caught.value.hint


def test_proxies_of_the_environment_see_nothing_of_it(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    body = {"total": 0, "containers": []}
    with http_server({"GET /containers": (200, body)}) as (port, _):
        assert PushClient(port).running() == ((), ())


def _list(*names):
    return {"containers": [{"name": name, "node": "node1", "running": True} for name in names]}


def _watched(*lists):
    """The list of containers in these versions: each is told once the one before it is known."""

    def answer(headers):
        known = int(headers.get("If-None-Match", '"0"').strip('"'))
        if known == len(lists):
            return 304, b""
        return 200, _list(*lists[known]), {"ETag": f'"{known + 1}"'}

    return {"GET /api/containers": answer}


def test_waiting_for_a_list_asks_again_only_when_it_changed():
    with http_server(_watched([], ["a"], ["a", "b"])) as (port, seen):
        pull = PullClient(port)
        assert pull.await_declared(lambda list_: {"a", "b"} <= list_.running, timeout_s=60)
    assert [path for _, path, _ in seen] == [
        "/api/containers",
        "/api/containers?wait=20",
        "/api/containers?wait=20",
    ]


def test_waiting_for_a_list_that_never_comes_ends_in_time():
    with http_server(_watched(["a"])) as (port, _):
        pull = PullClient(port)
        assert not pull.await_declared(lambda list_: "b" in list_.running, timeout_s=0.3)
        assert pull.await_declared(lambda list_: "a" in list_.running, timeout_s=0)


def test_waiting_at_a_server_without_tags_looks_now_and_then():
    answers = {"GET /api/containers": (200, _list("a"))}
    with http_server(answers) as (port, seen):
        assert not PullClient(port).await_declared(lambda _: False, timeout_s=0.5)
    assert 2 <= len(seen) <= 4


def test_a_node_is_marked_and_read():
    node = {"name": "node1", "status": "up", "silent_s": 0.1, "draining": True, "cordoned": True}
    body = {**node, "containers": ["b", "a"], "running": ["b"]}
    answers = {"PATCH /api/nodes/node1": (200, node), "GET /api/nodes/node1": (200, body)}
    with http_server(answers) as (port, seen):
        pull = PullClient(port)
        pull.mark("node1", draining=True)
        pull.mark("node1", cordoned=False)
        load = pull.node("node1")
    assert [body for _, _, body in seen] == [{"draining": True}, {"cordoned": False}, None]
    assert (load.node.draining, load.placed, load.running) == (True, ("a", "b"), ("b",))


def test_a_server_that_closes_without_a_word_is_asked_anew_each_time():
    """A kept connection would be found dead now and then, and the API called silent."""
    body = json.dumps({"containers": []}).encode()
    head = f"HTTP/1.1 200 OK\r\nX-Request-ID: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    taken = []

    def answer(server):
        for _ in range(3):
            connection, _ = server.accept()
            taken.append(connection)  # still open when the next request comes
            connection.recv(65536)
            connection.sendall(head + body)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,), daemon=True)
        thread.start()
        client = PullClient(server.getsockname()[1])
        assert [client.declared().containers for _ in range(3)] == [()] * 3
        thread.join()
    assert len(taken) == 3
    for connection in taken:
        connection.close()
