"""Whatever goes wrong: JSON, a message, and what to do next."""

import socket

import pytest

from services.core.errors import LabError


def refused(answer, status):
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"error", "hint"}
    assert answer.json()["error"]
    return answer.json()


@pytest.mark.parametrize(
    ("method", "path", "status", "hint"),
    [
        ("GET", "/nothing", 404, "try /things"),
        ("GET", "/things", 405, "this path takes POST; try /things"),
        ("GET", "/teapot", 418, "tip it over"),
        ("GET", "/kettle", 418, "lift it"),
        ("GET", "/secret", 401, "send one"),
        ("POST", "/things", 415, "Content-Type: application/json"),
        ("GET", "/things/" + "x" * 3000, 414, "63 characters"),
        ("GET", "/things/x?" + "a" * 3000, 414, "63 characters"),
        ("GET", "/things/x?" + "a=1&" * 16, 400, "no route takes more"),
        ("GET", "/things/" + "x" * 17_000, 414, "63 characters"),
    ],
)
def test_refusal_says_what_to_do(api, method, path, status, hint):
    assert hint in refused(api.call(method, path), status)["hint"]


def test_allow_names_the_methods_of_a_path(api):
    assert api.call("PUT", "/things").headers["Allow"] == "POST"
    assert api.call("POST", "/things/x").headers["Allow"] == "GET"


def test_a_refusal_may_have_headers_of_its_own(api):
    assert api.call("GET", "/secret").headers["WWW-Authenticate"] == "Bearer"


def test_a_bug_tells_the_client_nothing_of_the_code(api):
    answer = api.call("GET", "/bug")
    assert refused(answer, 500)["error"] == "Internal Server Error"
    assert "nothing" not in answer.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 17_000 + b"\r\n\r\n", 431),
        (b"POST /things HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
    ids=["no request", "negative length", "coding", "long header", "long body", "bad chunk"],
)
def test_what_reaches_no_app_is_refused_in_the_same_shape(api, log, sent, status):
    with socket.create_connection(api.address, timeout=10) as client:
        client.sendall(sent)
        answer = client.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[:2] in ([b"HTTP/1.1", b"%d" % status], [b"HTTP/1.0", b"%d" % status])
    assert b"application/json" in head
    assert b"x-request-id: " in head.lower()
    assert b'"error": ' in body
    assert b'"hint": ""' not in body
    assert log.all[-1]["status"] == status
    assert f'status="{status}"' in api.call("GET", "/metrics").text


def test_ready_until_a_check_fails_and_again_after(api):
    assert api.call("GET", "/readyz").json() == {"status": "ready"}
    api.trouble = LabError("the key is gone", hint="put it back")
    assert refused(api.call("GET", "/readyz"), 503) == {
        "error": "the key is gone",
        "hint": "put it back",
    }
    assert api.call("GET", "/healthz").json() == {"status": "ok"}
    api.trouble = None
    assert api.call("GET", "/readyz").status_code == 200
