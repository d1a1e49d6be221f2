"""What is not HTTP, or too much of it, is refused before any route sees it."""

import contextlib
import socket

import pytest

from services.push.api import make_app
from services.push.push import Push
from tests.pull.raw import BOUND_S, answer, connected
from tests.push.fake_runner import FakeRunner
from tests.serving import serving


@pytest.fixture(scope="module", params=["pull", "push"])
def address(request):
    """Where an API listens: pull runs its handlers in greenlets, push in threads."""
    if request.param == "pull":
        yield request.getfixturevalue("real").address
        return
    with serving(make_app(Push(FakeRunner("node1")))) as [address]:
        yield address


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n", 414, id="a long URL"),
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414, id="a longer URL"),
        pytest.param(b"GET /" + b"a" * 90_000, 414, id="a URL without an end"),
        pytest.param(
            b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431, id="a long header"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 90_000, 431, id="a header without an end"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 9000, 431, id="headers without an end"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 150 + b"\r\n", 431, id="many headers"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413, id="a vast body"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400, id="a length that is none"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello", 400, id="a length with a sign"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhello", 400,
            id="two lengths",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, id="an unknown coding"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, id="no chunk"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40, 400,
            id="a chunk of any size",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
            501, id="two codings",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400, id="a folded header"),
        pytest.param(b"GET / HTTP/1.1\r\nX : a\r\n\r\n", 400, id="a blank before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", 400, id="a header that is none"),
        pytest.param(b"GET /\r\n", 400, id="HTTP/0.9"),
        pytest.param(b"GET / HTTP/1\r\n\r\n", 400, id="half a version"),
        pytest.param(b"GET /\xff HTTP/1.1\r\n\r\n", 400, id="a URL that is not ASCII"),
        pytest.param(b"GET / /a HTTP/1.1\r\n\r\n", 400, id="a URL with a blank"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", 400, id="a later HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, id="TLS"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP at all"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nX: a", 400, id="headers cut short"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 421,
            id="two Hosts",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_as_json_with_a_hint(address, sent, status):
    with connected(address, 1) as [client]:
        client.sendall(sent)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        got, head, body = answer(client)
    assert got == status
    assert body["error"]
    assert body["hint"]
    assert b"x-request-id: " in head


def test_a_client_that_goes_on_sending_still_gets_its_refusal(address):
    with connected(address, 1) as [client]:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000)
        for _ in range(20):
            client.sendall(b"a" * 20_000)
        client.shutdown(socket.SHUT_WR)
        assert answer(client)[0] == 431


def test_a_chunked_body_is_read(real):
    body = b'{"name": "chunked"}'
    head = (
        b"POST /api/containers HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
    with connected(real.address, 1) as [client]:
        client.sendall(head + chunks + b"0\r\n\r\n")
        assert answer(client)[0] == 201
    assert "chunked" in real.placed()


def test_an_empty_line_before_a_request_is_nothing(real):
    with connected(real.address, 1) as [client]:
        client.sendall(b"\r\nGET /healthz HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        assert answer(client)[0] == 200


def test_a_client_may_ask_whether_to_send_its_body(real):
    head = (
        b"POST /api/containers HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\n"
        b"Content-Length: 20\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with connected(real.address, 1) as [client]:
        client.sendall(head)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b'{"name": "expected"}')
        assert answer(client)[0] == 201


def test_requests_in_a_row_are_answered_in_a_row(real):
    names = [f"row{number}" for number in range(20)]
    requests = [b"GET /api/containers/%s HTTP/1.1\r\nHost: lab\r\n\r\n" % n.encode() for n in names]
    for name in names:
        real.admin("POST", "/api/containers", json={"name": name})
    requests.append(b"GET /healthz HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
    with connected(real.address, 1) as [client]:
        client.sendall(b"".join(requests))
        client.settimeout(BOUND_S)
        text = client.makefile("rb").read().decode()
    places = [text.index(f'"name": "{name}"') for name in names]
    assert places == sorted(places)
    assert text.endswith('{"status": "ok"}')
