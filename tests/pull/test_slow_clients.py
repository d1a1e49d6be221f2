"""Clients that are slow, silent, greedy or wrong: each costs itself, and nobody else."""

import contextlib
import http.client
import select
import socket
import threading
import time

import pytest

from services.deciders import node_controller, scheduler
from tests.pull.passes import plain_pass
from tests.pull.raw import BOUND_S, answer, connected, parsed, sockets
from tests.pull.watcher import Watcher
from tests.serving import Client, token_of
from tests.waiting import wait_for

REQUEST = (
    b"POST /api/containers HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
)


@pytest.fixture
def serve(start):
    """serve(**patience) -> a real server with a client of each realm, and addresses."""
    with contextlib.ExitStack() as stack:

        def serve(**patience):
            server = start(patience=patience)
            server.call = stack.enter_context(contextlib.closing(Client(server.admin)))
            return server

        yield serve


@contextlib.contextmanager
def dribbling(address, count):
    """`count` sockets that send REQUEST a byte at a time; yields them."""
    over = threading.Event()

    def dribble():
        place = 0
        while not over.wait(0.02):
            for client in clients:
                with contextlib.suppress(OSError):  # refused by now
                    client.send(REQUEST[place : place + 1])
            place += 1

    with connected(address, count) as clients:
        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            yield clients
        finally:
            over.set()
            thread.join(BOUND_S)


@pytest.mark.parametrize("realm", ["admin", "node"])
def test_two_hundred_dribblers_hold_up_nobody(serve, realm):
    server = serve(request_s=9 * BOUND_S)  # a call that waits for a dribbler takes so long
    with dribbling(getattr(server, realm), 200):
        began_s = time.monotonic()
        for _ in range(50):
            assert server.call("GET", "/api/containers").status_code == 200
        assert time.monotonic() - began_s < BOUND_S


@pytest.mark.parametrize("sent", [1, 30, 80], ids=["first byte", "half a header", "half a body"])
def test_a_request_must_be_complete_in_time(serve, sent):
    server = serve(request_s=0.3)
    with connected(server.admin, 1) as [client]:
        client.sendall(REQUEST[:sent])
        status, head, body = answer(client)
    assert (status, body["hint"]) == (408, "send the whole request at once")
    assert b"x-request-id: " in head


def test_a_byte_in_a_while_does_not_count_as_patience_earned(serve):
    server = serve(request_s=0.5)
    with dribbling(server.admin, 10) as clients:
        for client in clients:
            assert b"408" in client.recv(100)


def test_silence_ends_a_connection_without_a_word(serve):
    server = serve(idle_s=0.3)
    with connected(server.admin, 1) as [client]:
        assert client.recv(1) == b""


def test_a_request_may_come_late_on_a_connection_that_rests(serve):
    server = serve(request_s=0.3, idle_s=BOUND_S)
    host, port = server.admin
    kept = http.client.HTTPConnection(host, port, timeout=BOUND_S)
    kept.connect()
    ours = kept.sock.getsockname()
    for _ in range(2):
        time.sleep(0.5)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read() == b'{"status": "ok"}'
        assert kept.sock.getsockname() == ours
    kept.close()


def test_who_does_not_take_its_answer_is_dropped(serve):
    server = serve(request_s=1)
    for number in range(300):
        server.call("PUT", f"/api/containers/{number:063}", json={})
    before = connections(server)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(server.admin)
        client.sendall(b"GET /api/containers HTTP/1.1\r\nHost: lab\r\n\r\n" * 100)
        wait_for(lambda: connections(server) > before, "it is served", timeout_s=BOUND_S)
        wait_for(lambda: connections(server) == before, "it is dropped", timeout_s=BOUND_S)
    assert "Traceback" not in end(server)


def connections(server):
    return len(sockets(server))


@contextlib.contextmanager
def watching(server, count, waiting=None):
    """`count` connections that watch, of which `waiting` are still waiting at the end."""
    etag = server.call("GET", "/api/nodes").headers["ETag"]
    server.call.close()
    wait_for(lambda: not sockets(server), "nobody is connected", timeout_s=BOUND_S)
    poll = f"GET /api/nodes?wait=60 HTTP/1.1\r\nHost: lab\r\nIf-None-Match: {etag}\r\n\r\n"
    early = 0 if waiting is None else count - waiting
    with connected(server.admin, count) as watchers:
        for watcher in watchers:
            watcher.sendall(poll.encode())
        # Once the server has read a request nothing else gets its turn before that one waits.
        wait_for(lambda: sockets(server) == [0] * count, "all wait", timeout_s=BOUND_S)
        wait_for(lambda: len(answered(watchers)) == early, "early answers", timeout_s=BOUND_S)
        yield watchers


def end(server):
    """Stop it; all that it said."""
    server.process.terminate()
    return "".join(server.said) + server.process.stderr.read()


def test_strangers_in_one_realm_lock_nobody_out_of_the_other(serve):
    server = serve(connections=20)
    node = Client(server.node, token=token_of("node1"))
    with connected(server.node, 100):
        for _ in range(20):
            assert server.call("GET", "/healthz").status_code == 200
            server.call.close()  # and comes back as a stranger
    with connected(server.admin, 100):
        assert node("GET", "/api/nodes/node1/desired").status_code == 200
    node.close()


def test_silent_ones_make_room_for_whoever_comes(serve):
    server = serve(connections=20)
    with connected(server.admin, 100) as strangers:
        for _ in range(20):
            assert server.call("GET", "/healthz").status_code == 200
            server.call.close()
        assert strangers[0].recv(1) == b"", "who was waited for longest"


def test_whoever_waits_longest_for_news_gives_way_and_the_control_loops_get_in(serve):
    """Waiting clients of one host, more than the server has connections."""
    server = serve(connections=30, long_polls=20)
    with watching(server, 30, waiting=20) as watchers:
        early = answered(watchers)
        assert [parsed(one.recv(4096))[0] for one in early] == [304] * 10
        with connected(server.admin, 5):
            assert server.call("GET", "/api/containers").status_code == 200
            plain_pass(scheduler, server.admin)
            plain_pass(node_controller, server.admin)
        assert not set(answered(watchers)) - set(early), "the other 20 still wait"


def test_waiting_agents_lock_nobody_out_of_the_realm_of_nodes(serve):
    server = serve(connections=15, long_polls=10)
    path = "/api/nodes/node1/desired"
    agents = [Watcher(server.node, path, token=token_of("node1")) for _ in range(15)]
    for agent in agents:
        agent.send(60)
    wait_for(lambda: sum(a.is_answered() for a in agents) == 5, "five give way", timeout_s=BOUND_S)
    assert [agent.answer()[0] for agent in agents if agent.is_answered()] == [304] * 5
    node = Client(server.node, token=token_of("node2"))
    assert node("POST", "/api/nodes/node2/heartbeat").status_code == 200
    assert node("GET", "/api/nodes/node2/desired").status_code == 200
    node.close()
    for agent in agents:
        agent.close()


def test_a_greedy_host_gives_way_and_no_other(serve):
    server = serve(connections=20, long_polls=5)
    request = b"GET /api/events?since=0&wait=60 HTTP/1.1\r\nHost: lab\r\n\r\n"
    with connected(server.admin, 1) as [other], contextlib.ExitStack() as stack:
        other.sendall(request)
        wait_for(lambda: sockets(server) == [0], "it waits", timeout_s=BOUND_S)
        greedy = []
        for _ in range(7):
            greedy.append(stack.enter_context(socket.socket()))
            greedy[-1].bind(("127.0.0.2", 0))
            greedy[-1].connect(server.admin)
            greedy[-1].sendall(request)
        wait_for(lambda: len(answered(greedy)) == 3, "three give way", timeout_s=BOUND_S)
        assert answered([other]) == []


def test_the_longest_waiting_gives_way_to_a_newcomer(serve):
    server = serve(connections=5)
    with watching(server, 1) as [oldest], contextlib.ExitStack() as stack:
        others = [Watcher(server.admin, "/api/nodes") for _ in range(4)]
        for other in others:
            stack.callback(other.close)
            other.send(60)
        wait_for(lambda: sockets(server) == [0] * 5, "all wait", timeout_s=BOUND_S)
        assert server.call("GET", "/healthz").status_code == 200
        assert parsed(oldest.recv(4096))[0] == 304
        assert not any(other.is_answered() for other in others)


def answered(clients):
    """Those of `clients` that have something to read."""
    return select.select(clients, [], [], 0)[0]


def test_bodies_of_many_strangers_do_not_fill_the_memory(serve):
    server = serve(bodies_bytes=2_000_000)
    head = b"POST /api/containers HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000000\r\n\r\n"
    with connected(server.node, 5) as strangers:
        for stranger in strangers:
            with contextlib.suppress(OSError):
                stranger.sendall(head + b"x" * 900_000)
        # Whatever comes first, two of them have room, and no three.
        wait_for(lambda: len(answered(strangers)) == 3, "three are refused", timeout_s=BOUND_S)
        assert [answer(stranger)[0] for stranger in answered(strangers)] == [503] * 3
    node = Client(server.node, token=token_of("node1"))
    wait_for(
        lambda: node("POST", "/api/nodes/node1/heartbeat", json={"revision": 0, "running": []}).ok,
        "what the others held is free again",
        timeout_s=BOUND_S,
    )
    node.close()
    assert "Traceback" not in end(server)
