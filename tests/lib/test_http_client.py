"""One request over a plain socket, against servers that are not polite."""

import socket
import threading
import time

import pytest

from services.core.errors import ApiRefused, ApiUnreachable
from services.lib import http_client
from services.lib.http_client import Pending, Reply, wait
from tests.serving import has_ipv6, unused_port

OK = b"HTTP/1.1 200 OK\r\n"


def request(*arguments, timeout_s):
    """The decoded answer of one request."""
    return Pending(*arguments, timeout_s=timeout_s).result().body


def test_an_answer_with_or_without_its_length_is_decoded(server):
    assert request("GET", server(OK + b"\r\n[1]"), "/", timeout_s=10) == [1]
    assert request("GET", server(OK + b"content-length: 3\r\n\r\n[1]"), "/", timeout_s=10) == [1]
    assert request("GET", server(b"HTTP/1.0 204 No Content\r\n\r\n"), "/", timeout_s=10) is None


def test_a_body_goes_as_json(server):
    request("POST", server(OK + b"\r\n{}"), "/x", {"a": 1}, timeout_s=10)
    head, _, body = server.seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /x HTTP/1.0\r\n")
    assert b"Content-Type: application/json" in head
    assert body == b'{"a": 1}'


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(OK, id="half a head"),
        pytest.param(OK + b"Content-Length: 9\r\n\r\n[1]", id="half a body"),
        pytest.param(OK + b"Content-Length: x\r\n\r\n[1]", id="a length that is none"),
        pytest.param(OK + b"\r\n<html>", id="no JSON"),
        pytest.param(OK + b"\r\n\xff\xfe\xff", id="no text"),
        pytest.param(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n1", id="a huge length"),
        pytest.param(b"SSH-2.0-OpenSSH_10.0\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 OK\r\n\r\n[]", id="a status that is none"),
    ],
)
def test_no_whole_answer_is_the_same_as_none(server, answer):
    with pytest.raises(ApiUnreachable) as caught:
        request("GET", server(answer), "/api", timeout_s=10)
    assert "/api does not answer: " in str(caught.value)


def test_what_a_server_said_is_one_line_in_the_error(server):
    body = b'{"error": "no\\n12:00 STOP fake\\u001b[2J", "hint": ["\\u0007"]}'
    with pytest.raises(ApiRefused) as caught:
        request("GET", server(b"HTTP/1.1 400 No\r\n\r\n" + body), "/", timeout_s=10)
    assert caught.value.error == r"no\n12:00 STOP fake\x1b[2J"
    assert caught.value.hint == r"['\x07']"


@pytest.mark.parametrize("etag", [b"\xe9", b"a\nX-Forged: b", b"a\x00"])
def test_an_etag_that_no_header_may_carry_is_none(server, etag):
    answer = OK + b"ETag: " + etag + b"\r\n\r\n[1]"
    assert Pending("GET", server(answer), "/", timeout_s=10).result().etag == ""


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6_in_brackets_wherever_it_is_written():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        listener.settimeout(10)
        port = listener.getsockname()[1]
        pending = Pending("GET", ("::1", port), "/x", timeout_s=10)
        client, _ = listener.accept()
        with client:
            wait([pending], 0.01)
            assert f"\r\nHost: [::1]:{port}\r\n".encode() in client.recv(65536)
            client.sendall(OK + b"\r\n[6]")
        assert pending.result().body == [6]
    with pytest.raises(
        ApiUnreachable, match=rf"http://\[::1\]:{port}/x does not answer: .*refused"
    ):
        request("GET", ("::1", port), "/x", timeout_s=10)


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "::::"])
def test_a_host_that_cannot_be_one_does_not_answer(host):
    with pytest.raises(ApiUnreachable):
        request("GET", (host, 1), "/", timeout_s=10)


def test_an_endless_answer_is_cut(server, monkeypatch):
    monkeypatch.setattr(http_client, "_LIMIT_BYTES", 1000)
    with pytest.raises(ApiUnreachable, match="more than 1000 bytes"):
        request("GET", server(OK + b"\r\n" + b" " * 5000), "/", timeout_s=10)


def test_a_refusal_keeps_what_the_server_said(server):
    answer = b'HTTP/1.1 409 Conflict\r\n\r\n{"error": "moved", "hint": "look again"}'
    with pytest.raises(ApiRefused) as caught:
        request("GET", server(answer), "/", timeout_s=10)
    assert (caught.value.status, caught.value.error, caught.value.hint) == (
        409,
        "moved",
        "look again",
    )


def test_nobody_there():
    with pytest.raises(ApiUnreachable, match="refused"):
        request("GET", ("127.0.0.1", unused_port()), "/", timeout_s=10)


def trickle(client):
    """A byte now and then: each one in time, all of them never."""
    try:
        while True:
            client.sendall(b"x")
            time.sleep(0.02)
    except OSError:
        return


@pytest.mark.parametrize("answer", [trickle, lambda client: client.recv(1)], ids=["slow", "silent"])
def test_the_time_limit_holds_for_the_whole_exchange(server, answer):
    with pytest.raises(ApiUnreachable, match="timed out"):
        request("GET", server(answer), "/", timeout_s=0.2)


def test_an_etag_goes_out_and_comes_back_and_not_modified_is_an_answer(server):
    answer = b'HTTP/1.1 304 Not Modified\r\nETag: "e-1"\r\nContent-Length: 99\r\n\r\n'
    pending = Pending("GET", server(answer), "/", headers={"If-None-Match": '"e-1"'}, timeout_s=10)
    assert pending.result() == Reply(304, '"e-1"', None)
    assert b'\r\nIf-None-Match: "e-1"\r\n' in server.seen[0]


def test_an_answer_that_takes_its_time_is_waited_for_in_pieces(server):
    now = threading.Event()

    def later(client):
        now.wait(10)
        client.sendall(OK + b"\r\n[1]")

    pending = Pending("GET", server(later), "/", timeout_s=10)
    for _ in range(3):
        wait([pending], 0.02)
        assert not pending.over
    now.set()
    wait([pending], 10)
    assert pending.over
    assert pending.result().body == [1]


def test_whichever_answers_first_ends_the_wait(server):
    release = threading.Event()
    slow = Pending("GET", server(lambda client: release.wait(10)), "/slow", timeout_s=10)
    wait([slow], 0.05)  # until it was accepted: the next answer is for the next connection
    quick = Pending("GET", server(OK + b"\r\n[2]"), "/quick", timeout_s=10)
    began_s = time.monotonic()
    wait([slow, quick], 9)
    assert time.monotonic() - began_s < 5
    assert (slow.over, quick.over) == (False, True)
    assert quick.result().body == [2]
    slow.close()
    release.set()


def test_without_anything_to_wait_for_it_sleeps():
    began_s = time.monotonic()
    wait([], 0.05)
    assert time.monotonic() - began_s >= 0.05


def test_a_wait_that_is_over_leaves_the_exchange_its_own_bound(server):
    began_s = time.monotonic()
    pending = Pending("GET", server(lambda client: client.recv(1)), "/", timeout_s=0.3)
    with pytest.raises(ApiUnreachable, match="timed out"):
        pending.result()
    assert 0.3 <= time.monotonic() - began_s < 5


def test_a_large_body_goes_out_whole(server):
    def read(client):
        size = len(server.seen[0])
        while size < 3_000_000:
            size += len(client.recv(65536))
        client.sendall(OK + b"\r\n[3]")

    assert request("POST", server(read), "/", "x" * 3_000_000, timeout_s=20) == [3]


def test_a_wait_ends_with_the_time_of_an_exchange(server):
    pending = Pending("GET", server(lambda client: client.recv(1)), "/", timeout_s=0.2)
    began_s = time.monotonic()
    wait([pending], 9)
    assert pending.over
    assert time.monotonic() - began_s < 5
    with pytest.raises(ApiUnreachable, match="timed out"):
        pending.result()
