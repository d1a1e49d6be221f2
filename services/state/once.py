"""Transactions in etcd that happen once, although they may be sent several times.

Each also writes a key of its own, its marker, and compares the marker's revision: of all that are
sent, at most one finds it unchanged. A marker serves one commit at a time. All belong to a lease
of this process, and go with it.
"""

import threading
import time
import uuid
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from services.state.gateway import (
    GRANT,
    KEEPALIVE,
    NOT_FOUND,
    TXN,
    Body,
    EtcdRefused,
    Gateway,
    text,
)
from services.state.keys import ABSENT, Conflict, Unavailable

_LEASE_S = 60
_KEEP_ALIVE_S = 20.0
_LOOK_S = 1.0
# The values of a marker. UNSURE, which is never sent: what was sent last may still be on its way.
_DONE, _VOID, _UNSURE = "done", "void", "unsure"
# What a transaction compares, by key in etcd, and does, given the lease of this process.
Compares = Mapping[str, int]
Operations = Callable[[str], Sequence[Body]]


class _Marker(NamedTuple):
    """A key that one commit at a time writes. revision: of its last change; ABSENT: it is gone."""

    key: str
    lease: str
    revision: int
    value: str


class Once:
    """Commits through `gateway`. prefix: of the markers."""

    def __init__(self, gateway: Gateway, prefix: str) -> None:
        self._gateway = gateway
        self._prefix = prefix
        self._idle: list[_Marker] = []
        self._lease = ""
        threading.Thread(target=self._maintain, daemon=True).start()

    def commit(self, compares: Compares, operations: Operations, until_s: float) -> int:
        """Do `operations` if all of `compares` holds; return the revision of that.

        until_s: monotonic. Raises Conflict, and then they are never done; and Unavailable.
        """
        while True:
            marker = self._take(until_s)
            try:
                now, sends = self._swap(marker, _DONE, until_s, compares, operations)
                if now.revision == marker.revision and sends > 1:
                    # What was sent before may still be on its way. From here on it does nothing.
                    now, _ = self._swap(marker, _VOID, until_s)
            except Unavailable:
                self._idle.append(marker._replace(value=_UNSURE))
                raise
            if now.revision != ABSENT:
                self._idle.append(now)
                if now.revision == marker.revision or now.value == _VOID:
                    raise Conflict
                return now.revision
            if sends > 1:
                raise self._gateway.unavailable("the lease ran out before an answer came")

    def _take(self, until_s: float) -> _Marker:
        """Return a marker that no other commit uses, and that no earlier one can still change."""
        while True:
            try:
                marker = self._idle.pop()
            except IndexError:
                lease = self._lease or self._grant(until_s)
                marker = _Marker(f"{self._prefix}/{uuid.uuid4()}", lease, ABSENT, _UNSURE)
            if marker.value != _UNSURE:
                return marker
            try:
                settled, _ = self._swap(marker, _VOID, until_s)
            except Unavailable as error:
                if not (isinstance(error, EtcdRefused) and error.code == NOT_FOUND):
                    self._idle.append(marker)
                    raise
                if self._lease == marker.lease:
                    self._lease = ""  # it ran out
                continue
            if settled.revision != ABSENT:
                return settled

    def _swap(
        self,
        marker: _Marker,
        value: str,
        until_s: float,
        compares: Compares | None = None,
        operations: Operations = lambda lease: (),
    ) -> tuple[_Marker, int]:
        """Set the marker's value, and do the rest, if it is unchanged and `compares` holds.

        Return the marker as it is then, and how often this was sent.
        """
        key = text(marker.key)
        mark = {"request_put": {"key": key, "value": text(value), "lease": marker.lease}}
        request = {
            "compare": [
                _unchanged(marker.key, marker.revision),
                *[_unchanged(*one) for one in (compares or {}).items()],
            ],
            "success": [mark, *operations(marker.lease)],
            "failure": [{"request_range": {"key": key}}],
        }
        body, sends = self._gateway.call(TXN, request, until_s)
        if body.get("succeeded"):
            return marker._replace(revision=int(body["header"]["revision"]), value=value), sends
        for kv in body["responses"][0]["response_range"].get("kvs", ()):
            found = b64decode(kv["value"]).decode()
            return marker._replace(revision=int(kv["mod_revision"]), value=found), sends
        return marker._replace(revision=ABSENT), sends

    def _grant(self, until_s: float) -> str:
        body, _ = self._gateway.call(GRANT, {"TTL": str(_LEASE_S)}, until_s)
        # Of two that were granted at the same time, one is enough.
        self._lease = self._lease or body["ID"]
        return self._lease

    def _maintain(self) -> None:
        """Keep the lease alive until the gateway is closed."""
        due_s = 0.0
        while not self._gateway.closed.wait(_LOOK_S):
            lease, now_s = self._lease, time.monotonic()
            if not lease or now_s < due_s:
                continue
            with suppress(Unavailable):
                self._gateway.call(KEEPALIVE, {"ID": lease}, now_s + _KEEP_ALIVE_S / 4)
                due_s = now_s + _KEEP_ALIVE_S


def _unchanged(key: str, revision: int) -> Body:
    return {"key": text(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
