"""etcd's JSON gateway: a request goes to one member, and to the next if no good answer comes soon.

So a request may be carried out more than once, and even after this gave up: what is sent must be
safe to repeat. Answers that may be of the past are refused, as those of a member that was set back
to an older snapshot.
"""

import json
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from services.core.address import Address
from services.core.errors import printable
from services.core.fields import decode
from services.state.keys import Unavailable
from services.state.member import NOT_ETCD, Member, Stream, Trouble

RANGE, TXN, WATCH = "/v3/kv/range", "/v3/kv/txn", "/v3/watch"
GRANT, KEEPALIVE = "/v3/lease/grant", "/v3/lease/keepalive"
# A range that finds nothing. It is linearizable: a member that cannot reach most others cannot
# answer it.
_PROBE = b'{"key": "AA==", "count_only": true}'
# What a member gets to answer, at least. A commit that was on its way to a leader that died is
# never answered: this is what that costs. After each timeout there is more of it.
_PATIENCE_S = 0.1
_MORE = 1.25
# Between two rounds through all members.
_PAUSE_S = 0.05
# gRPC's invalid argument, not found, permission denied, failed precondition, out of range,
# unauthenticated: another member would say the same.
_FINAL = {3, NOT_FOUND := 5, 7, 9, 11, 16}
_NO_SPACE = "database space exceeded"
_log = logging.getLogger(__name__)
T = TypeVar("T")
Body = dict[str, Any]


class EtcdRefused(Unavailable):
    """etcd understood a request and refused it. code: of gRPC."""

    code = 0


class _Known(NamedTuple):
    """How far etcd had come by an answer that was not of the past."""

    cluster: str
    term: int
    revision: int


class Gateway:
    """The members at `addresses`, of one cluster. closed: set by `close`; no request after that."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self.closed = threading.Event()
        self._members = [Member(address) for address in addresses]
        self._names = ",".join(member.name for member in self._members)
        self._current = 0
        self._known = _Known("", 0, 0)
        self._lock = threading.Lock()
        self._usual_s = 0.0
        self._streams: set[Stream] = set()

    def call(
        self, path: str, body: Body, until_s: float, *, patience_s: float = _PATIENCE_S
    ) -> tuple[Body, int]:
        """Return the first good answer, and how often the request was sent for it.

        until_s: monotonic. patience_s: for one member, at least. Raises Unavailable.
        """
        payload = json.dumps(body).encode()
        return self._anywhere(partial(self._ask, path, payload), until_s, patience_s)

    def watch(self, body: Body, until_s: float) -> Generator[Body, None, None]:
        """Yield what a member answers to the watch `body`, until that member or this is gone.

        until_s: to begin. Raises Unavailable if it cannot begin.
        """
        payload = json.dumps(body).encode()

        def begin(member: Member, timeout_s: float) -> Stream:
            self._ask(RANGE, _PROBE, member, timeout_s)
            return member.stream(WATCH, payload, timeout_s)

        stream, _ = self._anywhere(begin, until_s, _PATIENCE_S)
        self._streams.add(stream)
        try:
            if not self.closed.is_set():
                yield from stream.answers()
        finally:
            self._streams.discard(stream)
            stream.release()

    def unavailable(self, detail: str, hint: str = "") -> Unavailable:
        """Return the error that says `detail`."""
        usual = f"most members must run: etcdctl --endpoints={self._names} endpoint status"
        return Unavailable(f"etcd at {self._names}", detail, hint or usual)

    def close(self) -> None:
        """End all watches; later requests raise Unavailable."""
        self.closed.set()
        for stream in list(self._streams):
            stream.end()
        for member in self._members:
            member.close()

    def _anywhere(
        self, act: Callable[[Member, float], T], until_s: float, patience_s: float
    ) -> tuple[T, int]:
        """Let members in turn do `act`, for so many seconds, until one can; count the tries."""
        patience_s = max(patience_s, 4 * self._usual_s)
        troubles: dict[Member, Trouble] = {}
        tries = 0
        while (left_s := until_s - time.monotonic()) > 0 and not self.closed.is_set():
            member = self._members[self._current]
            tries += 1
            try:
                result = act(member, min(patience_s, left_s))
                member.works = True
                return result, tries
            except Trouble as trouble:
                self._leave(member, trouble)
                if not trouble.late or member not in troubles:  # the other one says more
                    troubles[member] = trouble
                patience_s *= _MORE if trouble.late else 1
            if all(one in troubles and troubles[one].hint for one in self._members):
                break
            if tries % len(self._members) == 0:
                self.closed.wait(_PAUSE_S)
        raise self._explain(troubles)

    def _explain(self, troubles: Mapping[Member, Trouble]) -> Unavailable:
        if self.closed.is_set():
            return self.unavailable("this server is ending", "ask another one")
        detail = "; ".join(f"{member.name}: {trouble}" for member, trouble in troubles.items())
        hint = next((trouble.hint for trouble in troubles.values() if trouble.hint), "")
        return self.unavailable(detail or "no time was left", hint)

    def _leave(self, member: Member, trouble: Trouble) -> None:
        """Let the next request go to another one first."""
        if member is self._members[self._current]:
            self._current = (self._current + 1) % len(self._members)
        if member.works:
            _log.warning("etcd member %s: %s", member.name, trouble)
        member.works = False

    def _ask(self, path: str, payload: bytes, member: Member, timeout_s: float) -> Body:
        """Return the good answer of `member`. Raises Trouble and EtcdRefused."""
        known, began_s = self._known, time.monotonic()
        status, raw = member.ask(path, payload, timeout_s)
        try:
            body: Body = decode(raw)
            if status != 200:
                raise self._refusal(body)
            body = body.get("result", body)
            header = body["header"]
            if path in (RANGE, TXN):  # the others are not linearizable
                now = (header["cluster_id"], int(header["raft_term"]), int(header["revision"]))
                self._guard(known, _Known(*now))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Trouble(f"it answers {status}, but not as etcd does", NOT_ETCD) from None
        if path == TXN:
            # Not the second that an election takes.
            took_s = min(time.monotonic() - began_s, 2 * _PATIENCE_S)
            self._usual_s += (took_s - self._usual_s) / 8
        return body

    def _guard(self, known: _Known, now: _Known) -> None:
        """Raise Trouble if an answer says `now`, and it was asked for when `known` was."""
        hint = "if etcd was restored on purpose, restart all state servers"
        with self._lock:
            if self._known.cluster not in ("", now.cluster):
                raise Trouble("it belongs to another cluster than before", hint)
            if now.term < known.term or now.revision < known.revision:
                detail = f"it is at revision {now.revision} in term {now.term}, and etcd was at"
                raise Trouble(f"{detail} {known.revision} in term {known.term} before", hint)
            newest = max(self._known.term, now.term), max(self._known.revision, now.revision)
            self._known = _Known(now.cluster, *newest)

    def _refusal(self, body: Body) -> Exception:
        """Return what the error in `body` means."""
        fault = body["error"] if isinstance(body.get("error"), dict) else body
        message, code = printable(fault["message"]), fault.get("code") or fault["grpc_code"]
        hint = "etcd works, but refuses this: read its log"
        if _NO_SPACE in message:
            hint = "make room with etcdctl compact and defrag, then: etcdctl alarm disarm"
        elif code not in _FINAL:
            return Trouble(message)
        refused = EtcdRefused(f"etcd at {self._names}", message, hint)
        refused.code = code
        return refused


def text(raw: str | bytes) -> str:
    """Return `raw` as the gateway takes keys and values."""
    return b64encode(raw.encode() if isinstance(raw, str) else raw).decode()
