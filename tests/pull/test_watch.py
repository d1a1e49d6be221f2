"""Watches over real sockets: answered the moment that something changes, and not before."""

import contextlib
import resource
import select
import socket
import threading
import time

import pytest

from tests.pull.watcher import Watcher, all_wait
from tests.serving import Client, token_of

SOON_S = 5.0
MANY = 1000


@pytest.fixture
def watch(real):
    """watch(path) -> a Watcher of the admin realm of the real server."""
    with contextlib.ExitStack() as made:
        yield lambda path: made.enter_context(contextlib.closing(Watcher(real.address, path)))


class Quiet:
    """A server to which no node ever spoke: none can fall silent. quiet(path) -> a Watcher."""

    def __init__(self, address, made):
        self._address, self._made = address, made
        self.call = made.enter_context(contextlib.closing(Client(address)))

    def __call__(self, path):
        return self._made.enter_context(contextlib.closing(Watcher(self._address, path)))


@pytest.fixture
def quiet(start):
    with contextlib.ExitStack() as made:
        yield Quiet(start().admin, made)


CHANGES = {
    "/api/containers": ("POST", "/api/containers", {"name": "c1"}),
    "/api/containers?unassigned=true": ("POST", "/api/containers", {"name": "c2"}),
    "/api/containers?node=node7": ("POST", "/api/containers", {"name": "c3", "node": "node7"}),
    "/api/nodes/node7/desired": ("POST", "/api/containers", {"name": "c4", "node": "node7"}),
    "/api/nodes": ("POST", "/api/nodes/node9/heartbeat", None),
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_is_told_at_once_and_not_before(real, watch, path):
    watcher = watch(path)
    watcher.send(60)
    all_wait(real.admin, 1)
    assert not watcher.is_answered(0.2)
    method, where, body = CHANGES[path]
    assert real.admin(method, where, json=body).ok
    began_s = time.monotonic()
    status, etag = watcher.answer()
    assert time.monotonic() - began_s < SOON_S
    assert (status, etag != watcher.etag) == (200, True)
    if body:
        assert body["name"] in watcher.body.decode()
    watcher.send(0)
    assert watcher.answer() == (200, etag), "it was asked for with the old ETag"


def test_changes_of_something_else_wake_nobody(real, watch):
    watcher = watch("/api/nodes/node7/desired")
    watcher.send(60)
    all_wait(real.admin, 1)
    real.admin("POST", "/api/containers", json={"name": "other", "node": "node8"})
    assert not watcher.is_answered(0.3)


@pytest.mark.parametrize("path", CHANGES)
def test_without_news_the_answer_is_304_after_the_wait_and_has_no_body(quiet, path):
    watcher = quiet(path)
    began_s = time.monotonic()
    watcher.send(0.3)
    assert watcher.answer() == (304, watcher.etag)
    assert 0.3 <= time.monotonic() - began_s < SOON_S
    assert watcher.body == b""


@pytest.mark.parametrize(
    "headers", [{"If-None-Match": '"another"'}, {"If-None-Match": ""}], ids=["another", "none"]
)
def test_who_does_not_have_the_newest_does_not_wait(watch, headers):
    watcher = watch("/api/containers")
    watcher.send(60, **headers)
    assert watcher.answer() == (200, watcher.etag)


def test_a_weak_condition_will_do(watch):
    watcher = watch("/api/containers")
    watcher.send(0, **{"If-None-Match": f"W/{watcher.etag}"})
    assert watcher.answer() == (304, watcher.etag)


@pytest.mark.parametrize("wait", ["61", "-1", "soon", ""])
def test_a_wait_that_is_no_wait_is_refused(real, wait):
    assert real.admin("GET", f"/api/containers?wait={wait}").status_code == 400


def test_events_are_told_at_once_and_an_empty_page_after_the_wait(quiet):
    watcher = quiet("/api/events?since=0")
    watcher.etag = ""
    watcher.send(60)
    all_wait(quiet.call, 1)
    quiet.call("POST", "/api/containers", json={"name": "eventful"})
    assert watcher.answer()[0] == 200
    assert b"eventful" in watcher.body
    last = quiet.call("GET", "/api/events").json()["revision"]
    empty = quiet.call("GET", f"/api/events?since={last}&wait=0.2")
    assert (empty.status_code, empty.json()["events"]) == (200, [])


def test_a_goodbye_is_held_until_everything_runs_elsewhere(real):
    real.admin("POST", "/api/containers", json={"name": "moving", "node": "node1"})
    said = []
    leaving = threading.Thread(
        target=lambda: said.append(
            Client(real.node_address, token=token_of("node1"))(
                "POST", "/api/nodes/node1/leaving?wait=15", json={"boot": "b"}
            ).json()
        )
    )
    leaving.start()
    all_wait(real.admin, 1)
    real.admin("PATCH", "/api/containers/moving", json={"node": "node2"})
    assert not said
    running = [{"name": "moving", "image": "demo", "ready": True}]
    real.node("POST", "/api/nodes/node2/heartbeat", json={"revision": 1, "running": running})
    leaving.join(SOON_S)
    assert said == [{"status": "leaving", "elsewhere": ["moving"], "waiting": []}]


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_watcher_that_goes_away_is_forgotten_long_before_its_time(real, reset):
    watcher = Watcher(real.address, "/api/nodes")
    watcher.send(60)
    all_wait(real.admin, 1)
    if reset:
        linger = b"\1\0\0\0\0\0\0\0"
        watcher._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    watcher.close()
    all_wait(real.admin, 0)
    assert real.admin("GET", "/healthz").ok


def test_a_watcher_that_sends_its_next_request_early_gets_both_answers(real):
    etag = real.admin("GET", "/api/nodes").headers["ETag"]
    with socket.create_connection(real.address, timeout=20) as client:
        held = f"GET /api/nodes?wait=0.3 HTTP/1.1\r\nHost: lab\r\nIf-None-Match: {etag}\r\n\r\n"
        client.sendall(held.encode())
        all_wait(real.admin, 1)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        answers = client.makefile("rb").read()
    assert answers.index(b" 304 ") < answers.index(b" 200 OK")


def test_a_node_that_falls_silent_is_told(start):
    """Nobody asks: the server itself must notice."""
    server = start()
    admin = Client(server.admin)
    admin("POST", "/api/nodes/node1/heartbeat")
    watcher = Watcher(server.admin, "/api/nodes")
    watcher.send(30)
    began_s = time.monotonic()
    assert watcher.answer()[0] == 200
    assert 2 < time.monotonic() - began_s < 3 + SOON_S
    assert b'"status": "down"' in watcher.body
    watcher.close()
    admin.close()


def test_the_end_of_the_server_lets_everybody_go_and_the_next_one_answers_at_once(start):
    server = start()
    watchers = [Watcher(server.admin, "/api/nodes") for _ in range(50)]
    for watcher in watchers:
        watcher.send(60)
    client = Client(server.admin)
    all_wait(client, 50)
    began_s = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began_s < 4, "systemd gives it 5 s"
    assert {watcher.answer()[0] for watcher in watchers} == {304}
    client.close()
    again = start(admin=server.admin[1])
    for watcher in watchers:
        watcher.close()
        watcher.send(60)
        assert watcher.answer()[0] == 200, "after a restart nobody knows what was told"
        watcher.close()
    assert again.stop() == 0


def test_a_thousand_agents_wait_and_a_change_concerns_two(start):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * MANY:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * MANY), hard))
    names = [f"agent{number:04d}" for number in range(MANY)]
    server = start(nodes=names)
    client = Client(server.admin)
    client("POST", "/api/containers", json={"name": "a", "node": names[0]})
    with contextlib.ExitStack() as held:
        agents = []
        for name in names:
            path = f"/api/nodes/{name}/desired"
            agent = Watcher(server.node, path, token=token_of(name))
            agents.append(held.enter_context(contextlib.closing(agent)))
            agent.send(60)
        all_wait(client, MANY)
        began_s = time.monotonic()
        client("PATCH", "/api/containers/a", json={"node": names[500]})
        assert (agents[0].answer()[0], agents[500].answer()[0]) == (200, 200)
        assert time.monotonic() - began_s < SOON_S
        assert b'"containers": ["a"]' in agents[500].body
        poll = select.poll()
        for agent in agents:
            poll.register(agent, select.POLLIN)
        assert poll.poll(200) == [], "nobody else was woken"
        assert server.stop() == 0
    client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
