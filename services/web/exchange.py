"""One request and its answer: it gets an id, is counted and, with `--log json`, logged."""

import io
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from services.web.logs import REQUESTS
from services.web.metrics import Metrics
from services.web.request_ids import HEADER, request_id

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_FACTS = "lab.facts"
_PATH_LIMIT = 500


class _Discard(io.StringIO):
    """Bottle prints the traceback of a bug here, and we log the same one."""

    def write(self, text: str) -> int:
        return len(text)


def instrument(app: Wsgi, metrics: Metrics | None, route: Callable[[Environ], str]) -> Wsgi:
    """Return `app` with X-Request-ID on every answer, and every request counted and logged.

    route: returns the rule that matched, "" for none; called after the app has answered.
    """
    discard = _Discard()

    def instrumented(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        began_s = time.perf_counter()
        name = request_id(environ.get("HTTP_X_REQUEST_ID"))
        environ["wsgi.errors"] = discard
        statuses = [0]

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            statuses.append(int(status[:3]))
            return start_response(status, [*headers, (HEADER, name)], *exc_info)

        body = app(environ, start)
        spent_s = time.perf_counter() - began_s
        method, rule, status = environ["REQUEST_METHOD"], route(environ), statuses[-1]
        if metrics is not None:
            metrics.count(method, rule, status, spent_s)
        _log(
            status,
            **environ.get(_FACTS, {}),
            request_id=name,
            method=method,
            path=environ.get("PATH_INFO", ""),
            route=rule,
            bytes=sum(map(len, body)) if isinstance(body, list) else 0,
            ms=round(spent_s * 1000, 3),
            client=environ.get("REMOTE_ADDR", ""),
        )
        return body

    return instrumented


def log_refusal(
    metrics: Metrics | None,
    *,
    method: str,
    path: str,
    status: int,
    sent_bytes: int,
    client: str,
    error: str,
) -> str:
    """Count and log a request that the server refused before any app saw it; return its new id."""
    name = request_id(None)
    if metrics is not None:
        metrics.count(method, "", status, None)
    _log(
        status,
        error=error,
        request_id=name,
        method=method,
        path=path,
        route="",
        bytes=sent_bytes,
        ms=0,
        client=client,
    )
    return name


def note(environ: Environ, **facts: object) -> None:
    """Add `facts` to the log line of this request. A fact that is there already stays."""
    known = environ.setdefault(_FACTS, {})
    environ[_FACTS] = {**facts, **known}


def _log(status: int, *, path: str, **fields: object) -> None:
    """The path comes without its query, which may contain secrets; headers are not logged."""
    level = logging.ERROR if status >= 500 else logging.INFO
    fields |= {"path": path[:_PATH_LIMIT], "status": status}
    REQUESTS.log(level, "request", extra=fields)
