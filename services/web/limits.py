"""What no route should have to look at: addresses beyond reason."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from services.core import wire
from services.web.exchange import Environ, Wsgi, note

# The longest of ours: two labels of 63, a wait and a revision.
URL_LIMIT = 2048
QUERY_LIMIT = 16


def limited(app: Wsgi) -> Wsgi:
    """Return `app` behind 414 for long URLs and 400 for many query parameters, as JSON."""

    def guarded(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        refused = _refusal(environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
        if refused is None:
            return app(environ, start_response)
        status, error, hint = refused
        note(environ, error=error)
        body = json.dumps(wire.dump_error(error, hint)).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return guarded


def _refusal(path: str, query: str) -> tuple[str, str, str] | None:
    size = len(path) + len(query)
    if size > URL_LIMIT:
        error = f"a URL of {size} characters; the limit is {URL_LIMIT}"
        return "414 URI Too Long", error, "names have at most 63 characters; send the rest as JSON"
    count = query.count("&") + 1
    if count > QUERY_LIMIT:
        error = f"{count} query parameters; the limit is {QUERY_LIMIT}"
        return "400 Bad Request", error, "no route takes more than three"
    return None
