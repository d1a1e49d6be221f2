"""JSON over HTTP to one API on this machine's loopback.

With the standard library's client, which knows no proxies: what goes to our own loopback must
not be seen, or failed, by one. `import requests` would cost every command 0.2 s.
"""

import json
from collections.abc import Mapping
from http.client import (
    BadStatusLine,
    HTTPConnection,
    HTTPException,
    RemoteDisconnected,
)
from typing import Any, NamedTuple

from lab.terminal.table import echo
from services.core.errors import ApiNonsense, ApiRefused, ApiUnreachable
from services.core.fields import decode, refusal
from services.core.messages import STALE

CONNECT_S = 3.0
READ_S = 15.0
# How long one question waits for a change: well below what proxies are patient for.
WAIT_S = 20.0
_UNCHANGED = 304
# On every answer of our APIs, whatever they say.
_OURS = "X-Request-ID"
_REMEDY = "lab heal starts what is stopped; lab status shows what runs"


class Seen(NamedTuple):
    """What a path answered, and the tag by which to ask whether that is still so."""

    content: Any
    tag: str


class _Answer(NamedTuple):
    url: str
    status: int
    tag: str
    body: bytes


class Api:
    """JSON to one API. Raises ApiUnreachable when it is silent, ApiRefused when it says no."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._base = f"http://127.0.0.1:{port}"
        self._stale = ""

    def request(
        self, method: str, path: str, body: object = None, *, read_s: float = READ_S
    ) -> Any:
        """Return the decoded answer. body: sent as JSON unless None."""
        return _content(self._exchange(method, path, body, {}, read_s))

    def text(self, path: str) -> str:
        """Return an answer that is no JSON, as it is."""
        answer = self._exchange("GET", path, None, {}, READ_S)
        if answer.status >= 400:
            _content(answer)
        return answer.body.decode(errors="replace")

    def watch(self, path: str, tag: str = "", *, wait_s: float = WAIT_S) -> Seen | None:
        """Return what `path` says once it is no longer what `tag` was; None if it stays so.

        Without a tag it answers at once. wait_s: how long the server waits for a change.
        """
        headers = {"If-None-Match": tag} if tag else {}
        joint = "&" if "?" in path else "?"
        asked = f"{path}{joint}wait={wait_s:g}" if tag else path
        answer = self._exchange("GET", asked, None, headers, READ_S + wait_s)
        return None if answer.status == _UNCHANGED else Seen(_content(answer), answer.tag)

    def _exchange(
        self, method: str, path: str, body: object, headers: Mapping[str, str], read_s: float
    ) -> _Answer:
        """One question over a connection of its own.

        An open one dies with the API, and the next request would fail for the wrong reason.
        """
        url = f"{self._base}{path}"
        data = None if body is None else json.dumps(body).encode()
        kind = {} if data is None else {"Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=CONNECT_S)
        try:
            connection.connect()
            connection.sock.settimeout(read_s)
            connection.request(method, path, data, {"Connection": "close", **kind, **headers})
            with connection.getresponse() as answer:
                if _OURS not in answer.headers:
                    raise self._stranger(url, f"its status is {answer.status}")
                self._warn(answer.headers.get(STALE, ""))
                return _Answer(url, answer.status, answer.headers.get("ETag", ""), answer.read())
        except (OSError, HTTPException, ValueError) as error:  # the latter: an ETag it cannot send
            if isinstance(error, BadStatusLine) and not isinstance(error, RemoteDisconnected):
                raise self._stranger(url, "it does not speak HTTP") from None
            raise ApiUnreachable(url, _reason(error), hint=_REMEDY) from None
        finally:
            connection.close()

    def _warn(self, stale: str) -> None:
        """Say once why answers are possibly not the newest state."""
        if stale not in ("", self._stale):
            echo(f"possibly stale: {stale}", err=True)
        self._stale = stale

    def _stranger(self, url: str, said: str) -> ApiUnreachable:
        return ApiUnreachable(
            url,
            f"another server has port {self._port} of localhost ({said})",
            hint=f"see which (ss -ltnp 'sport = :{self._port}'), end it, then lab heal",
        )

    def healthy(self) -> bool:
        """Whether GET /healthz answers."""
        try:
            self.request("GET", "/healthz", read_s=CONNECT_S)
        except (ApiUnreachable, ApiRefused):
            return False
        return True


def _content(answer: _Answer) -> Any:
    """Return the decoded answer; raises ApiNonsense, and ApiRefused when it says no."""
    try:
        content = decode(answer.body)
    except ValueError as error:
        raise ApiNonsense(answer.url, f"status {answer.status}: {error}") from None
    if answer.status >= 400:
        raise ApiRefused(answer.url, answer.status, *refusal(content))
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
