"""`--log json` of a real process: every line is JSON, and orders name their node."""

import json
import signal
import socket

import pytest
import requests

from services.push.api import make_app
from services.push.push import Push
from tests.logs import json_log
from tests.serving import Client, serving


@pytest.fixture
def server(run, inventory):
    """The process over one node that is silent; returns it, its inventory and its address."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        file = inventory(silent.getsockname()[1])
        process = run(
            "--inventory", file, "--listen", "127.0.0.1:0", "--connect-timeout", "0.3",
            "--log", "json",
        )  # fmt: skip
        first = json.loads(process.stderr.readline())
        assert first["message"].startswith("listening on ")
        yield process, file, first["message"].split()[-1]


def test_an_order_that_named_no_node_is_told_with_the_one_that_it_went_to(runner):
    with json_log() as log, serving(make_app(Push(runner))) as [address]:
        call = Client(address)
        for verb in ("start", "stop"):
            assert call("POST", f"/container/{verb}", json={"name": "web"}).ok
        call.close()
    orders = [line["message"] for line in log.all if line["message"] != "request"]
    assert orders == ["start web: started on node1", "stop web: stopped on node1"]
    requests_ = [line for line in log.all if line["message"] == "request"]
    assert [(line["container"], line["node"]) for line in requests_] == [("web", "node1")] * 2


def told_requests(process):
    """End it and return the lines of its requests; every line is JSON.

    Between them may be what its first try to reach the node met with.
    """
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    return [line for line in lines if line["message"] == "request"]


def test_an_order_that_failed_leaves_a_line_with_its_error(runner):
    runner.silent.add("node1")
    with json_log() as log, serving(make_app(Push(runner))) as [address]:
        call = Client(address)
        assert call("POST", "/container/start", json={"name": "web"}).status_code == 502
        call.close()
    (order,) = [line["message"] for line in log.all if line["message"] != "request"]
    assert order.startswith("start web: cannot reach node 'node1'")


def test_requests_and_orders_that_failed_are_lines_with_node_and_error(server):
    process, _, url = server
    with requests.Session() as session:
        session.trust_env = False
        order = {"name": "web"}
        answer = session.post(f"{url}/container/start", json=order, timeout=20)
        session.get(f"{url}/containers", timeout=20)
    assert answer.status_code == 502
    start, listing = told_requests(process)
    assert (start["status"], start["route"]) == (502, "/container/start")
    assert (start["container"], start["node"]) == ("web", "node1")
    assert "node1" in start["error"]
    assert start["request_id"] == answer.headers["X-Request-ID"]
    assert (listing["status"], listing["path"]) == (200, "/containers")


def test_not_ready_once_the_key_is_gone(server):
    process, file, url = server
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{url}/readyz", timeout=20).json() == {"status": "ready"}
        (file.parent / "key").unlink()
        answer = session.get(f"{url}/readyz", timeout=20)
        assert answer.status_code == 503
        assert "there is no file" in answer.json()["error"]
        assert answer.json()["hint"]
        assert session.get(f"{url}/healthz", timeout=20).json() == {"status": "ok"}
    assert [line["status"] for line in told_requests(process)] == [200, 503, 200]


def test_a_start_that_cannot_be_is_a_line_too(run, inventory):
    process = run(
        "--inventory", inventory(nodes=[]), "--listen", "127.0.0.1:0", "--log", "json"
    )  # fmt: skip
    _, words = process.communicate(timeout=30)
    assert process.returncode == 1
    line = json.loads(words)
    assert line["level"] == "error"
    assert "no nodes" in line["message"]
