"""A client that sends a byte now and then, or nothing at all, disturbs nobody."""

import contextlib
import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.web.server import Patience
from tests.serving import Client, serving
from tests.waiting import wait_for
from tests.web.conftest import Api

REQUEST = b"POST /things HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
BOUND_S = 20
MANY = 150


@contextlib.contextmanager
def patient(**patience):
    """An Api whose server has only so much patience; yields it with its address and a client."""
    api = Api()
    with serving(api.app, metrics=api.metrics, patience=Patience(**patience)) as [at]:
        call = Client(at)
        yield api, at, call
        call.close()


def slow_handler(begun, end):
    def handle():
        begun.set()
        return {"ended": end.wait(BOUND_S)}

    return handle


class Dribblers:
    """Sockets that send REQUEST a byte at a time, in turn, until closed."""

    def __init__(self, address, count):
        self.sockets = [socket.create_connection(address, timeout=BOUND_S) for _ in range(count)]
        self.rounds = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._dribble)
        self._thread.start()

    def _dribble(self):
        while not self._ended.wait(0.02):
            place = self.rounds % len(REQUEST)
            for client in self.sockets:
                with contextlib.suppress(OSError):  # refused by now
                    client.send(REQUEST[place : place + 1])
            self.rounds += 1

    def close(self):
        self._ended.set()
        self._thread.join(BOUND_S)
        for client in self.sockets:
            client.close()


@contextlib.contextmanager
def dribbling(address, count):
    dribblers = Dribblers(address, count)
    try:
        wait_for(lambda: dribblers.rounds > 2, "all have begun", timeout_s=BOUND_S)
        yield dribblers
    finally:
        dribblers.close()


def test_two_hundred_dribblers_hold_up_nobody():
    with patient(request_s=9 * BOUND_S) as (_, at, call), dribbling(at, 200) as dribblers:
        began_s = time.monotonic()
        for _ in range(20):
            assert call("GET", "/things/a").status_code == 200
        assert time.monotonic() - began_s < BOUND_S
        assert dribblers.rounds < len(REQUEST), "none had been heard to the end"


def test_more_dribblers_than_connections_make_room_for_whoever_comes():
    with patient(request_s=9 * BOUND_S, connections=20) as (_, at, call), dribbling(at, MANY):
        for _ in range(20):
            assert call("GET", "/things/a").status_code == 200
            call.close()  # and comes back as a stranger


def test_silent_connections_make_room_too():
    with patient(idle_s=60, connections=20) as (_, at, call), contextlib.ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(at, timeout=BOUND_S))
        assert call("GET", "/things/a").status_code == 200


@pytest.mark.parametrize("sent", [1, 30, 80], ids=["first byte", "half a header", "half a body"])
def test_a_request_must_be_complete_in_time(sent, log):
    with patient(request_s=0.3) as (_, at, _), socket.create_connection(at) as client:
        client.settimeout(BOUND_S)
        client.sendall(REQUEST[:sent])
        answer = client.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0].endswith(b" 408 Request Timeout")
    assert json.loads(body)["hint"] == "send the whole request at once"
    assert [line["status"] for line in log.all] == [408]


def test_a_byte_in_a_while_does_not_count_as_patience_earned():
    with patient(request_s=0.5) as (_, at, _), dribbling(at, 10) as dribblers:
        for client in dribblers.sockets:
            assert b"408" in client.recv(100)
        assert dribblers.rounds < len(REQUEST)


def test_time_of_a_request_does_not_run_while_a_connection_rests():
    with patient(request_s=0.5) as (_, at, _):
        host, port = at
        kept = http.client.HTTPConnection(host, port, timeout=BOUND_S)
        kept.connect()
        ours = kept.sock.getsockname()
        for _ in range(6):
            kept.request("GET", "/things/a")
            assert kept.getresponse().read() == b'{"name": "a"}'
            assert kept.sock.getsockname() == ours
            time.sleep(0.2)
        kept.close()


def test_a_handler_that_takes_long_is_not_a_slow_client():
    """Neither its time nor the strangers that need room end the connection of who waits for us."""
    begun, end = threading.Event(), threading.Event()
    with (
        patient(request_s=0.2, idle_s=1, connections=2) as (api, at, call),
        ThreadPoolExecutor() as threads,
    ):
        api.app.get("/slow", callback=slow_handler(begun, end))
        slow = threads.submit(call, "GET", "/slow")
        assert begun.wait(BOUND_S)
        strangers = [socket.create_connection(at, timeout=BOUND_S) for _ in range(10)]
        for stranger in strangers:
            assert stranger.recv(1) == b""
            stranger.close()
        end.set()
        assert slow.result(BOUND_S).json() == {"ended": True}


def test_a_request_behind_another_has_its_time_after_it():
    begun, end = threading.Event(), threading.Event()
    with patient(request_s=1) as (api, at, _), socket.create_connection(at) as client:
        api.app.get("/slow", callback=slow_handler(begun, end))
        client.settimeout(BOUND_S)
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: lab\r\n\r\nGET /things/a HTT")
        assert begun.wait(BOUND_S)
        assert not end.wait(2.2), "longer than a request may take, and than the loop sleeps"
        end.set()
        with client.makefile("rb") as answers:
            assert b" 200 OK" in answers.readline()
            client.sendall(b"P/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
            assert b'{"name": "a"}' in answers.read()


def test_silence_ends_a_connection():
    with patient(idle_s=1) as (_, at, _), socket.create_connection(at, timeout=BOUND_S) as client:
        assert client.recv(1) == b""
