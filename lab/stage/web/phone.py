"""The phone page: where the demonstration is, and keys for its keyboard.

The one page for other computers. So it has no stream of the stage and breaks nothing: it reads,
and presses the keys of `lab.demo.cue.PRESSES`.
"""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any

import segno
from bottle import HTTPResponse

from lab import waiting
from lab.demo import cue
from lab.demo.cue import Cue
from lab.stage.board import Board
from lab.stage.view import View
from lab.stage.web.answers import body, check_token, page_app, refused
from lab.stage.web.guard import guarded
from services.core.errors import LabError

PORT = 8091
_LOOK_S = 0.1
# A page hears of it that nothing has changed: it lives.
_MOST_S = 1.0
_END_S = 5.0


def place(text: str) -> tuple[str, int]:
    """Return address and port of ADDRESS[:PORT]. Raises LabError."""
    address, colon, port = text.partition(":")
    try:
        found, number = IPv4Address(address), int(port) if colon else PORT
    except ValueError:
        found, number = IPv4Address(0), 0
    if found.is_unspecified or not 0 <= number <= 65535:
        raise LabError(
            f"the phone page cannot listen on {text!r}",
            hint="name one address of this computer, such as 192.168.1.20 or 192.168.1.20:8091; "
            "ip -4 -brief address lists them",
        )
    return str(found), number


def picture(url: str) -> str:
    """Return a QR code of `url` as blocks, light on dark."""
    out = io.StringIO()
    segno.make_qr(url).terminal(out, border=2, compact=True)
    return out.getvalue()


def make_phone(board: Board, token: str, address: str) -> Callable[..., Any]:
    """Return the WSGI app of the page. address: by which a browser names this computer."""
    app = page_app("phone.html", token, board)
    once = _Once()
    app.get("/qr.svg", callback=lambda: _svg(board, token))
    app.post("/press", callback=lambda: _press(once, token))
    return guarded(app, (address,))


def _svg(board: Board, token: str) -> HTTPResponse:
    check_token(token)
    out = io.BytesIO()
    url = board.latest()[0].get("url", "")
    segno.make_qr(url).save(out, kind="svg", scale=4, border=2)
    return HTTPResponse(out.getvalue(), headers={"Content-Type": "image/svg+xml"})


def _press(once: "_Once", token: str) -> Any:
    check_token(token)
    fields = body()
    number, key = fields.get("id"), fields.get("key")
    if not isinstance(number, str) or key not in tuple(cue.PRESSES):
        known = ", ".join(cue.PRESSES)
        raise LabError(
            f"there is no key {key!r}", hint=f'send {{"id": ..., "key": one of {known}}}'
        )
    if wrong := once.press(number, key):
        raise refused(409, wrong, "the page shows what can be pressed now")
    return {}


class _Once:
    """Presses that go through once for each moment, though two phones show it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = ""

    def press(self, number: str, key: str) -> str:
        """Press it; return why not, or ""."""
        with self._lock:
            now = cue.running()
            if now is None:
                return "no demonstration is being played"
            if number in ("", self._last) or number != now.id:
                return "it has gone on already"
            if key not in now.keys:
                return f"{key} is not offered now"
            self._last = number
            cue.press(number, key)
            return ""


@contextmanager
def following(board: Board, url: str) -> Iterator[None]:
    """Show on `board` where the demonstration is, for the length of the block."""

    def run(over: threading.Event) -> None:
        shown: View = {}
        shown_s = since_s = 0.0
        board.restart()
        while not over.wait(_LOOK_S):
            now, now_s = cue.running(), time.monotonic()
            if now and now.id != shown.get("id"):
                since_s = now_s
            view = {"url": url, **_view(now, now_s - since_s)}
            if view != shown or now_s - shown_s >= _MOST_S:
                shown, shown_s = view, now_s
                board.publish(view, 0.0)

    with waiting.beside([run], end_s=_END_S):
        try:
            yield
        finally:
            board.close()


def _view(now: Cue | None, for_s: float) -> View:
    """Return the keys of the page. for_s: for how long it is this moment.

    ended: one was ended in the middle; --resume goes on there. recorded: the stage plays that now.
    """
    if now is None:
        return {"running": False, "ended": cue.read() is not None}
    part = now.recorded
    recorded = part is not None and for_s < part.to_s - part.from_s
    return {"running": True, "ended": False, **now._asdict(), "recorded": recorded}
