"""One connection of the threaded server: its patience, and refusals in our shape."""

import json
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, RequestHeaderFieldsTooLarge

from services.core import wire
from services.web.patience import HEADER_LIMIT_BYTES, HINTS, Patience, Refused, Tell
from services.web.request_ids import HEADER


class TooSlow(BadRequest):  # type: ignore[misc]
    """A request that was begun and not finished in time."""

    code = 408
    reason = "Request Timeout"


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """waitress' own limit on headers ends a connection before they are read to their end."""

    error: Any = None

    def received(self, data: bytes) -> int:
        """Take `data`; headers that are complete and too long are an error."""
        consumed = int(super().received(data))
        size = self.header_bytes_received
        if self.headers_finished and self.error is None and size > HEADER_LIMIT_BYTES:
            what = f"{size} bytes; the limit is {HEADER_LIMIT_BYTES}"
            self.error = RequestHeaderFieldsTooLarge(what)
            self.completed = True
        return consumed


class JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """waitress' own refusals (bad request line, oversized headers) in the shape of ours."""

    def execute(self) -> None:
        """Answer, and close: what follows on this connection may be anything."""
        error = self.request.error
        what = f"{error.reason}: {error.body}"
        body = json.dumps(wire.dump_error(what, HINTS.get(error.code, ""))).encode()
        name = self.channel.tell(
            Refused(
                method=getattr(self.request, "command", ""),
                path=getattr(self.request, "path", ""),
                status=error.code,
                sent_bytes=len(body),
                client=self.channel.addr[0],
                error=what,
            )
        )
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "application/json"), (HEADER, name)]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """waitress counts only silence; one byte in a while would keep a connection for ever."""

    error_task_class = JsonErrorTask
    parser_class = Parser

    def __init__(self, patience: Patience, tell: Tell, *arguments: Any, **more: Any) -> None:
        self._patience = patience
        self._timed: Any = None  # the request that is being received, begun at:
        self._begun_s = 0.0
        self.tell = tell
        super().__init__(*arguments, **more)
        _make_room(list(self.server.active_channels.values()), patience.connections)

    def received(self, data: bytes) -> bool:
        """Take what the client sent. The time of a request runs from its first byte."""
        taken = bool(super().received(data))
        if self.request is not self._timed:
            self._timed, self._begun_s = self.request, time.monotonic()
        return taken

    def readable(self) -> bool:
        """Asked by the loop before each wait, once a second at least."""
        if self._timed is not None:
            now_s = time.monotonic()
            if self.requests:
                self._begun_s = now_s  # nobody reads it before the one before it is answered
            elif now_s > self._begun_s + self._patience.request_s:
                self._give_up()
        return bool(super().readable())

    def waited_s(self) -> float | None:
        """Return for how long it has been the client's turn to send or to read; None if ours."""
        if self.requests or self.will_close:
            return None
        if self._timed is not None:
            return time.monotonic() - self._begun_s
        return time.time() - float(self.last_activity)

    def _give_up(self) -> None:
        """Hand the unfinished request to a thread, as the loop does with one that is wrong."""
        with self.requests_lock:
            request, self.request, self._timed = self._timed, None, None
            request.error = TooSlow(f"not complete after {self._patience.request_s:g} s")
            request.completed = True
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)


def _make_room(channels: list[Channel], limit: int) -> None:
    """Drop one of `channels` if there are more than `limit`, never one that has our attention."""
    if len(channels) <= limit:
        return
    # The newest one has not had its chance yet.
    waits = [(waited_s, c) for c in channels[:-1] if (waited_s := c.waited_s()) is not None]
    if waits:
        max(waits, key=lambda pair: pair[0])[1].will_close = True
