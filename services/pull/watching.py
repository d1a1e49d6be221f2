"""Watches: a conditional GET that is answered when its topic changes (a long poll)."""

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext

from bottle import Bottle, HTTPResponse, request, response

from services.core import wire
from services.core.messages import STALE, EventPage
from services.pull import conditions
from services.state import State
from services.state.topics import EVENTS
from services.web import sent

_JSON = "application/json"


class Watches:
    """Requests that wait for news of `state`.

    waiting: how many wait now, by the kind of their topic: what is before the "/".
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.waiting: Counter[str] = Counter()

    def answer(self, topic: str, document: Callable[[], bytes | wire.Json]) -> HTTPResponse:
        """Answer the current request with `document` and the ETag of `topic`.

        304 if the client has that already; with ?wait=S only after S seconds without a change.
        """
        limit_s = conditions.wait_s(request.query.get("wait"))
        known = sent("If-None-Match") or ""
        # Before the document: that may be newer than its tag, never older.
        version = self._state.version(topic)
        tag = conditions.etag(self._state.epoch, version)
        if known and conditions.same(known, tag):
            now = self.await_change(topic, version, limit_s)
            if now == version:
                return HTTPResponse(status=304, headers=_headers(tag))
            tag = conditions.etag(self._state.epoch, now)
        return answer(document(), tag)

    def events(self) -> EventPage:
        """Return the events that the current request asks for; wait while there are none."""
        since = conditions.since(request.query.get("since"))
        end_s = time.monotonic() + conditions.wait_s(request.query.get("wait"))
        while True:
            version = self._state.version(EVENTS)
            page = self._state.events(since)
            left_s = end_s - time.monotonic()
            if page.events or left_s <= 0:
                return page
            if self.await_change(EVENTS, version, left_s) == version:
                return self._state.events(since)

    def await_change(self, topic: str, version: int, timeout_s: float) -> int:
        """Return the version of `topic` once it is not `version`, or after timeout_s.

        `version` is returned earlier if the server needs the room, and from the end of the server
        on. If the client goes, the handler ends here.
        """
        kind = topic.partition("/")[0]
        self.waiting[kind] += 1
        try:
            with request.environ.get("lab.long_poll", nullcontext)():
                return self._state.await_change(topic, version, timeout_s)
        finally:
            self.waiting[kind] -= 1
        return version


def mark_stale(app: Bottle, state: State) -> None:
    """Let a header of every answer to a GET say if it is possibly not the newest state."""

    @app.hook("before_request")  # type: ignore[untyped-decorator]
    def look() -> None:
        request.environ[STALE] = state.stale()

    @app.hook("after_request")  # type: ignore[untyped-decorator]
    def mark() -> None:
        # Before and after: what was read in between may be of either time.
        why = request.environ[STALE] or state.stale()
        if why and request.method == "GET":
            response.set_header(STALE, why)


def answer(document: bytes | wire.Json, tag: str, status: int = 200) -> HTTPResponse:
    """Return `document` as JSON with its ETag, if any. bytes: encoded already."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return HTTPResponse(body, status, {"Content-Type": _JSON, **_headers(tag)})


def _headers(tag: str) -> dict[str, str]:
    # A cache must ask each time whether it is still true.
    headers = {"Cache-Control": "no-cache"}
    return {**headers, "ETag": tag} if tag else headers
