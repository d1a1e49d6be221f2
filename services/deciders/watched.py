"""A list of the state server that a decider reads again and again, and waits on meanwhile."""

import time
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from services.lib.http_client import NOT_MODIFIED, Reply

T = TypeVar("T")

# The server lets nobody wait for longer than 60 s.
_LONGEST_S = 30.0


class Ask(Protocol):
    """Sends one request. wait_s: how much longer than usual the answer may take."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: object, wait_s: float
    ) -> Reply: ...


class Watched(Generic[T]):
    """The list at `path`; load: from its JSON. Methods raise ApiUnreachable and ApiRefused.

    ages: some of it changes all the time without a new ETag, so every reading needs a request.
    """

    def __init__(
        self, ask: Ask, path: str, load: Callable[[object], T], *, ages: bool = False
    ) -> None:
        self._ask = ask
        self._path = path
        self._load = load
        self._ages = ages
        self._etag = ""
        self._kept: T | None = None
        self._told = False

    def read(self) -> T:
        """Return the list as it is now; without a request if `changed` has just brought it."""
        told, self._told = self._told, False
        if self._kept is not None and told and not self._ages:
            return self._kept
        known = {} if self._ages or self._kept is None else self._condition()
        reply = self._ask("GET", self._path, known, None, 0.0)
        if reply.status == NOT_MODIFIED and self._kept is not None:
            return self._kept
        return self._keep(reply)

    def changed(self, wait_s: float) -> bool | None:
        """Wait until the list is another one than was last read: True; False after wait_s.

        None at once from a server that does not let one wait, or is about to end.
        """
        if not self._etag:
            return None
        wait_s = min(wait_s, _LONGEST_S)
        mark = "&" if "?" in self._path else "?"
        started_s = time.monotonic()
        reply = self._ask(
            "GET", f"{self._path}{mark}wait={wait_s:.3f}", self._condition(), None, wait_s
        )
        if reply.status == NOT_MODIFIED or reply.etag == self._etag:
            # An answer long before its time would be asked for again and again.
            return False if time.monotonic() - started_s >= wait_s / 2 else None
        self._keep(reply)
        self._told = True
        return True

    def _condition(self) -> dict[str, str]:
        return {"If-None-Match": self._etag} if self._etag else {}

    def _keep(self, reply: Reply) -> T:
        self._etag, self._kept = reply.etag, self._load(reply.body)
        return self._kept
