"""What a client can send wrong: a clear 4xx, and nothing reaches a node."""

import json

import pytest

JSON = {"Content-Type": "application/json"}
BODIES = {
    "nothing": b"",
    "not JSON": b'{"name": "nginx"',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "nested beyond reason": b"[" * 20_000,
    "a list": b'["nginx"]',
    "a string": b'"nginx"',
    "null": b"null",
    "no name": b"{}",
    "name is null": b'{"name": null}',
    "name is a number": b'{"name": 7}',
    "name is a list": b'{"name": ["nginx"]}',
    "node is a number": b'{"name": "a", "node": 1}',
    "node is a path": b'{"name": "a", "node": "../node1"}',
    "image is unknown": b'{"name": "a", "image": "/bin/sh"}',
    "image is a list": b'{"name": "a", "image": []}',
    "image is null": b'{"name": "a", "image": null}',
}
NAMES = [
    "", "../x", "a b", "a/b", "$(reboot)", "`reboot`", "a;reboot", "a\nb", "a\n", "a\0", "-a", "a-",
    "A", "a.b", "a_b", "%i", "x" * 64, "caf\u00e9", "\u4e2d\u6587", "\u0661", "a" * 5000,
]  # fmt: skip


def refused(answer, runner, status=400):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"error", "hint"}
    assert answer.json()["error"]
    assert len(answer.text) < 1000
    assert runner.orders == []
    return answer.json()


@pytest.mark.parametrize("verb", ["start", "stop"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_malformed_body(call, runner, verb, body):
    refusal = refused(call("POST", f"/container/{verb}", data=body, headers=JSON), runner)
    assert refusal["hint"]


@pytest.mark.parametrize("verb", ["start", "stop"])
@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
def test_name_that_is_not_a_label(call, runner, verb, name):
    body = json.dumps({"name": name})
    refusal = refused(call("POST", f"/container/{verb}", data=body, headers=JSON), runner)
    assert "a-z" in refusal["hint"] or "letters" in refusal["hint"]


def test_longest_name_is_a_name(call, runner):
    assert call("POST", "/container/start", json={"name": "x" * 63}).status_code == 201


def test_ten_megabytes(call, runner):
    body = b'{"name": "' + b"x" * 10_000_000 + b'"}'
    refused(call("POST", "/container/start", data=body, headers=JSON), runner, 413)


def test_form_instead_of_json(call, runner):
    refused(call("POST", "/container/start", data={"name": "nginx"}), runner, 415)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/container/start", 405), ("DELETE", "/containers", 405)],
)
def test_no_such_route(call, runner, method, path, status):
    refused(call(method, path), runner, status)
