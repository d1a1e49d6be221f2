"""Checks before any route: how long a URL is, and whether a web page sends the request."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from services.core import wire
from services.web.exchange import Environ, Wsgi, note
from services.web.origins import foreign

# The longest of ours: two labels of 63, a wait and a revision.
URL_LIMIT = 2048
QUERY_LIMIT = 16


def limited(app: Wsgi) -> Wsgi:
    """Return `app` behind checks of URL, Host and Origin, which answer 4xx as JSON."""

    def guarded(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        refused = _too_long(path, query) or foreign(environ)
        if refused is None:
            return app(environ, start_response)
        status, error, hint = refused
        note(environ, error=error)
        body = json.dumps(wire.dump_error(error, hint)).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return guarded


def _too_long(path: str, query: str) -> tuple[str, str, str] | None:
    size = len(path) + len(query)
    if size > URL_LIMIT:
        error = f"a URL of {size} characters; the limit is {URL_LIMIT}"
        return "414 URI Too Long", error, "names have at most 63 characters; send the rest as JSON"
    count = query.count("&") + 1
    if count > QUERY_LIMIT:
        error = f"{count} query parameters; the limit is {QUERY_LIMIT}"
        return "400 Bad Request", error, "no route takes more than three"
    return None
