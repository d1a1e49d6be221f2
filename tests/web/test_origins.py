"""Web pages of other sites get nothing, programs on this machine everything."""

import contextlib
import socket

import pytest

from services.web.origins import foreign
from tests.pull.raw import answer, connected

EVIL = "http://evil.example"


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "localhost:8080", "localhost:18081", "127.0.0.1",
        "127.0.0.1:8081", "[::1]", "[::1]:8081", "127.0.0.2:8081", "lab", socket.gethostname(),
        f"{socket.gethostname()}:8080",
    ],
)  # fmt: skip
def test_names_and_addresses_of_this_machine_are_served(host):
    assert foreign({"HTTP_HOST": host, "SERVER_PROTOCOL": "HTTP/1.1"}) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.evil.example",
        "evil.localhost", "192.0.2.1", "192.0.2.1:8081", "[2001:db8::1]:8081", "0.0.0.0", "[::]",
        "localhost,evil.example", "localhost:8081:8081", "user@localhost", "127.1", "0x7f000001",
        "2130706433", "", ":8081", " ", "[::1", "a" * 5000, "caf\xe9",
    ],
)  # fmt: skip
def test_any_other_host_is_misdirected(host):
    refusal = foreign({"HTTP_HOST": host, "SERVER_PROTOCOL": "HTTP/1.1"})
    assert refusal
    status, error, hint = refusal
    assert status == "421 Misdirected Request"
    assert error
    assert "localhost" in hint
    assert len(error) < 400


@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({}, True),
        ({"ORIGIN": "http://localhost:8081"}, True),
        ({"SEC_FETCH_SITE": "none"}, True),
        ({"SEC_FETCH_SITE": "same-origin", "ORIGIN": "http://localhost:8081"}, True),
        ({"ORIGIN": EVIL}, False),
        ({"ORIGIN": "null"}, False),
        ({"ORIGIN": ""}, False),
        ({"ORIGIN": "http://localhost:3000"}, False),
        ({"ORIGIN": "https://localhost:8081"}, False),
        ({"ORIGIN": "http://localhost:8081.evil.example"}, False),
        ({"SEC_FETCH_SITE": "cross-site"}, False),
        ({"SEC_FETCH_SITE": "same-site"}, False),
        ({"SEC_FETCH_SITE": "cross-site", "ORIGIN": "http://localhost:8081"}, False),
    ],
)
def test_only_pages_of_the_same_origin_are_served(headers, served):
    environ = {"HTTP_HOST": "localhost:8081", "SERVER_PROTOCOL": "HTTP/1.1"}
    refused = foreign(environ | {f"HTTP_{name}": value for name, value in headers.items()})
    assert (refused is None) == served
    if refused:
        assert refused[0] == "403 Forbidden"


@pytest.mark.parametrize(("version", "status"), [("1.0", 200), ("1.1", 400)])
def test_only_http_1_0_does_without_a_host(api, version, status):
    with connected(api.address, 1) as [client]:
        client.sendall(f"GET /healthz HTTP/{version}\r\nConnection: close\r\n\r\n".encode())
        assert answer(client)[0] == status


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": EVIL}], ids=str)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/nothing"), ("POST", "/things"),
     ("OPTIONS", "/things"), ("HEAD", "/healthz")],
)  # fmt: skip
def test_every_route_refuses_as_json_and_is_logged(api, log, method, path, headers):
    refused = api.call(method, path, headers=headers)
    assert refused.status_code in (403, 421)
    if method != "HEAD":
        assert set(refused.json()) == {"error", "hint"}
    assert log.all[-1]["status"] == refused.status_code
    assert log.all[-1]["request_id"] == refused.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://{at}/things/a", 200),
        ("HTTP://{at}/things/a?x=1&y=2", 200),
        ("https://{at}/things/a", 200),
        ("http://localhost/things/a", 200),
        ("http://{at}", 404),
        ("http://{at}?x=/things/a", 404),
        ("http://evil.example/things/a", 421),
        ("http://user@{at}/things/a", 400),
        ("http:///things/a", 400),
        ("ftp://{at}/things/a", 400),
        ("things/a", 400),
        ("*", 404),
    ],
)
@pytest.mark.parametrize("host", ["Host: localhost\r\n", "Host: evil.example\r\n", ""])
def test_the_host_of_an_absolute_target_counts(api, target, status, host):
    if "://" not in target and status != 400:
        status = {"Host: localhost\r\n": status, "": 400}.get(host, 421)
    target = target.format(at="{}:{}".format(*api.address))
    with connected(api.address, 1) as [client]:
        client.sendall(f"GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode())
        got, _, body = answer(client)
    assert got == status
    if status == 200:
        assert body == {"name": "a"}


def test_an_absolute_target_works_for_head_and_post(api):
    at = "{}:{}".format(*api.address)
    head = f"HEAD http://{at}/healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    post = (
        f"POST http://{at}/things?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        'Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
    )
    with connected(api.address, 1) as [client]:
        client.sendall((head + post).encode())
        with contextlib.closing(client.makefile("rb")) as stream:
            text = stream.read()
    assert text.count(b"HTTP/1.1 200 OK") == 2
    assert text.endswith(b'{"got": {"a": 1}}')
