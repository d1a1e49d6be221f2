"""What no request gets past: who may ask, and what a browser may do with the answer.

The stage listens on loopback only, but each web page that a browser on this computer shows can
send requests there. So the name must be this computer's (a foreign name that leads here is DNS
rebinding), the origin must be our own, and a token must be known. For the phone page, which listens
elsewhere, the name is the address that the user gave.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_OURS = ("127.0.0.1", "localhost", "::1")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    # The token is in the page's own address.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guarded(app: Wsgi, names: Sequence[str] = _OURS) -> Wsgi:
    """Return `app` with HEADERS on every answer, and 403 for foreign names and origins.

    names: those of this computer in a URL.
    """

    def call(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        def start_ours(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            others = [(key, value) for key, value in headers if key not in HEADERS]
            return start(status, [*others, *HEADERS.items()], *more)

        if wrong := _foreign(environ, names):
            body = json.dumps({"error": wrong, "hint": "open the URL that lab stage printed"})
            length = str(len(body.encode()))
            start_ours(
                "403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", length)]
            )
            return [body.encode()]
        return app(environ, start_ours)

    return call


def is_token(token: str, given: str) -> bool:
    """Return whether `given` is `token`, in a time that says nothing about it."""
    return secrets.compare_digest(token.encode(), given.encode(errors="replace"))


def _foreign(environ: Environ, names: Sequence[str]) -> str:
    """Return what is foreign about a request; "" if nothing is."""
    host = environ.get("HTTP_HOST", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    # Any port: the way here may be a tunnel of ssh.
    if name not in names:
        return f"{host!r} is no name of this computer"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin != f"http://{host}":
        return f"a page of {origin!r} may not ask this server"
    return ""
