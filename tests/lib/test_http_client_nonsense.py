"""Answers that no API of ours gives, and sockets that there are not."""

import _socket

import pytest

from services.core.errors import ApiNonsense, ApiRefused, ApiUnreachable
from tests.lib.test_http_client import OK, request

NO_JSON = pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="nested"),
        pytest.param(b'{"lease_s": 1e999}', id="an infinite number"),
        pytest.param(b'{"lease_s": NaN}', id="not a number"),
        pytest.param(b'{"revision": ' + b"9" * 10_000 + b"}", id="a huge integer"),
        pytest.param(b'{"name": "\xff"}', id="not UTF-8"),
        pytest.param(b"<html>", id="HTML"),
    ],
)


@NO_JSON
def test_an_answer_that_is_no_json_is_nonsense_and_counts_as_none(server, body):
    with pytest.raises(ApiNonsense, match="no JSON") as caught:
        request("GET", server(OK + b"\r\n" + body), "/", timeout_s=10)
    assert isinstance(caught.value, ApiUnreachable)


@NO_JSON
def test_a_refusal_is_known_by_its_status_whatever_its_body(server, body):
    with pytest.raises(ApiRefused, match="404: an answer that is not JSON") as caught:
        request("GET", server(b"HTTP/1.1 404 No\r\n\r\n" + body), "/", timeout_s=10)
    assert caught.value.status == 404


def test_a_family_that_the_machine_does_not_allow_is_no_answer(monkeypatch):
    def refused(*_):
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(_socket, "socket", refused)
    with pytest.raises(ApiUnreachable, match="Address family not supported"):
        request("GET", ("::1", 8081), "/", timeout_s=10)
