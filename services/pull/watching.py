"""Answers that wait for news: a conditional GET that is held until its topic changes."""

import json
import time
from collections.abc import Callable

from bottle import HTTPResponse, request

from services.core import wire
from services.core.messages import EventPage
from services.pull import conditions
from services.store import Store
from services.store.versions import EVENTS

_JSON = "application/json"


def watched(store: Store, topic: str, document: Callable[[], bytes | wire.Json]) -> HTTPResponse:
    """Answer the current request with `document` and the ETag of `topic`.

    304 for whoever has that already; with ?wait=S only after S seconds without a change.
    """
    limit_s = conditions.wait_s(request.query.get("wait"))
    held = request.get_header("If-None-Match", "")
    # Before the document: that may be newer than its tag, never older.
    version = store.version(topic)
    tag = conditions.etag(store.epoch, version)
    if held and conditions.same(held, tag):
        version = store.await_change(topic, version, limit_s)
        if conditions.etag(store.epoch, version) == tag:
            return HTTPResponse(status=304, headers=_headers(tag))
        tag = conditions.etag(store.epoch, version)
    return answer(document(), tag)


def answer(document: bytes | wire.Json, tag: str, status: int = 200) -> HTTPResponse:
    """Return `document` as JSON with its ETag. bytes: encoded already."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return HTTPResponse(body, status, {"Content-Type": _JSON, **_headers(tag)})


def events(store: Store) -> EventPage:
    """Return the events that the current request asks for, held while there are none."""
    since = conditions.since(request.query.get("since"))
    end_s = time.monotonic() + conditions.wait_s(request.query.get("wait"))
    while True:
        version = store.version(EVENTS)
        page = store.events(since)
        left_s = end_s - time.monotonic()
        if page.events or left_s <= 0:
            return page
        if store.await_change(EVENTS, version, left_s) == version:
            return store.events(since)


def _headers(tag: str) -> dict[str, str]:
    # Whoever keeps it must ask whether it still holds.
    return {"ETag": tag, "Cache-Control": "no-cache"}
