"""What a server writes to its standard error, which is the journal: text, or JSON on demand."""

import json
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol, TextIO

Level = Literal["info", "warning", "error"]
Raised = BaseException | None


class Exchange(NamedTuple):
    """One request and its answer. spent_ms: until the answer was ready, not until it was sent.

    route: the rule that matched, or "" for none. facts: what the handler noted, such as a node.
    """

    request_id: str
    method: str
    path: str
    route: str
    status: int
    sent_bytes: int
    spent_ms: float
    client: str
    facts: Mapping[str, object]


class Log(Protocol):
    """Where a server speaks to its operator. Every call is one write, from any thread."""

    def say(
        self,
        message: str,
        *,
        level: Level = "info",
        error: Raised = None,
        **facts: object,
    ) -> None:
        """Tell `message`, and the traceback of `error`."""

    def exchange(self, exchange: Exchange) -> None:
        """Tell of one request, if this log tells of requests."""


class TextLog:
    """For people: what the server has to say, and nothing of single requests."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """stream: by default standard error as it is at each call."""
        self._stream = stream

    def say(
        self,
        message: str,
        *,
        level: Level = "info",
        error: Raised = None,
        **facts: object,
    ) -> None:
        """`level` and `facts` are for machines; the message says it all."""
        told = "".join(traceback.format_exception(error)) if error else ""
        _write(self._stream, f"{told}{message}\n")

    def exchange(self, exchange: Exchange) -> None:
        """Nothing: two lines a second for each node would bury everything else."""


class JsonLog:
    """For machines: one object a line, one line a request.

    Every line has `time` (ISO 8601, UTC), `level` and `message`.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """stream: by default standard error as it is at each call."""
        self._stream = stream

    def say(
        self,
        message: str,
        *,
        level: Level = "info",
        error: Raised = None,
        **facts: object,
    ) -> None:
        """`facts` become fields; of an error its type, text and traceback do."""
        if error is not None:
            facts |= {
                "error": f"{type(error).__name__}: {error}",
                "traceback": "".join(traceback.format_exception(error)),
            }
        self._line(level, message, facts)

    def exchange(self, exchange: Exchange) -> None:
        """The path without its query, which may hold secrets; headers not at all."""
        fields = {
            "request_id": exchange.request_id,
            "method": exchange.method,
            "path": exchange.path[:500],
            "route": exchange.route,
            "status": exchange.status,
            "bytes": exchange.sent_bytes,
            "ms": round(exchange.spent_ms, 3),
            "client": exchange.client,
        }
        level: Level = "error" if exchange.status >= 500 else "info"
        self._line(level, "request", {**exchange.facts, **fields})

    def _line(self, level: Level, message: str, fields: Mapping[str, object]) -> None:
        line = {"time": _now(), "level": level, "message": message, **fields}
        _write(self._stream, json.dumps(line, default=str) + "\n")


def _write(stream: TextIO | None, text: str) -> None:
    """One write a line, so that lines of several threads do not mix."""
    out = stream or sys.stderr
    out.write(text)
    out.flush()


def _now() -> str:
    now_s = time.time()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_s))
    return f"{seconds}.{int(now_s % 1 * 1000):03}Z"
