"""The state server as scheduler and node controller see it: what they read, watch and write.

Standard library only, and little of it: a timer starts these programs again and again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from services.core import wire, wire_nodes
from services.core.address import Address
from services.core.errors import ApiRefused, ApiUnreachable, printable
from services.core.model import Node, Placed, Placement
from services.core.profiles import Profile
from services.lib.http_client import NOT_MODIFIED, Pending, Reply, wait

T = TypeVar("T")

NEVER_S = float("inf")
# The container was changed or deleted after it was read: that decision is newer.
_PRECONDITION_FAILED = 412
# An answer that was not waited for to its end.
GIVEN_UP = Reply(0, "", None)
# The server lets no request wait for longer than 60 s.
_LONGEST_S = 30.0


class Wait(NamedTuple):
    """When to decide again: as soon as `on` returns, at the latest after at_most_s.

    stay_s: for how much longer than its profile says the pass goes on for that.
    """

    on: Callable[[float], bool | None]
    at_most_s: float = NEVER_S
    stay_s: float = 0.0


class Meanwhile(NamedTuple):
    """What is done every `every_s` while an answer is awaited. act: returns whether to give up."""

    act: Callable[[], bool]
    every_s: float


# Takes the reason why nothing (more) is decided; "" when there is none.
Explain = Callable[[str], None]
# One decision: reads, writes, and says when to decide again.
Decide = Callable[["StateServer", Explain, Profile], Wait]


class StateServer:
    """The state server at `address`. Methods raise ApiUnreachable and ApiRefused."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        path = "/api/containers"
        self.containers = WatchedList(self._ask, path, wire.load_placed)
        self.unassigned = WatchedList(self._ask, f"{path}?unassigned=true", wire.load_placed)
        # How long nodes are silent grows without a new version.
        self.nodes = WatchedList(self._ask, "/api/nodes", wire_nodes.load_nodes, ages=True)

    def write(self, placement: Placement, revision: int) -> None:
        """Write `placement` unless the container was changed after `revision`."""
        headers = {"If-Match": f'"{revision}"', "Prefer": "return=minimal"}
        body = wire.dump_patch(placement)
        self._ask("PATCH", f"/api/containers/{placement.name}", headers, body, 0.0)

    def declare_down(self, node: Node) -> bool:
        """Let `node` count as down until it speaks; return False if it has spoken already."""
        body = wire_nodes.dump_silence(node.silent_s)
        try:
            self._ask("POST", f"/api/nodes/{node.name}/down", {}, body, 0.0)
        except ApiRefused as error:
            if error.status != _PRECONDITION_FAILED:
                raise
            return False
        return True

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: object,
        wait_s: float,
        meanwhile: Meanwhile | None = None,
    ) -> Reply:
        timeout_s = self._timeout_s + wait_s
        pending = Pending(method, self._address, path, body, headers=headers, timeout_s=timeout_s)
        while meanwhile and not pending.over:
            wait([pending], meanwhile.every_s)
            if not pending.over and meanwhile.act():
                pending.close()
                return GIVEN_UP
        return pending.result()


class Ask(Protocol):
    """Sends one request. wait_s: how much longer than usual the answer may take.

    meanwhile: what is done until it comes; GIVEN_UP if that ended it.
    """

    def __call__(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: object,
        wait_s: float,
        meanwhile: Meanwhile | None = None,
    ) -> Reply: ...


class WatchedList(Generic[T]):
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
        self._list: T | None = None
        self._is_fresh = False

    def read(self) -> T:
        """Return the list as it is now; without a request if `changed` has just brought it."""
        fresh, self._is_fresh = self._is_fresh, False
        if self._list is not None and fresh and not self._ages:
            return self._list
        known = {} if self._ages or self._list is None else self._condition()
        reply = self._get(self._path, known, 0.0)
        if reply.status == NOT_MODIFIED and self._list is not None:
            return self._list
        return self._take(reply)

    def changed(self, wait_s: float, meanwhile: Meanwhile | None = None) -> bool | None:
        """Watch the list: True when it is no longer what was read last; False after wait_s.

        True also when `meanwhile` ends it. None at once from a server that answers no long polls,
        or is about to end.
        """
        if not self._etag:
            return None
        wait_s = min(wait_s, _LONGEST_S)
        mark = "&" if "?" in self._path else "?"
        started_s = time.monotonic()
        path = f"{self._path}{mark}wait={wait_s:.3f}"
        reply = self._get(path, self._condition(), wait_s, meanwhile)
        if reply is GIVEN_UP:
            return True
        if reply.status == NOT_MODIFIED or reply.etag == self._etag:
            # After an answer long before its time the server would be asked again and again.
            return False if time.monotonic() - started_s >= wait_s / 2 else None
        self._take(reply)
        self._is_fresh = True
        return True

    def _get(
        self,
        path: str,
        headers: Mapping[str, str],
        wait_s: float,
        meanwhile: Meanwhile | None = None,
    ) -> Reply:
        """Return the answer. One that is possibly stale is no answer: it decides nothing."""
        reply = self._ask("GET", path, headers, None, wait_s, meanwhile)
        if reply.stale:
            raise ApiUnreachable(self._path, f"its state is possibly stale: {reply.stale}")
        return reply

    def _condition(self) -> dict[str, str]:
        return {"If-None-Match": self._etag} if self._etag else {}

    def _take(self, reply: Reply) -> T:
        self._etag, self._list = reply.etag, self._load(reply.body)
        return self._list


def write_all(
    server: StateServer, verb: str, placements: Sequence[Placement], containers: Sequence[Placed]
) -> bool:
    """Write each placement and print a line for it; return whether one was overtaken.

    containers: what the placements were decided from. A decision is about a container as it was
    then, so it never replaces a newer decision.
    """
    revisions = {placed.name: placed.revision for placed in containers}
    overtaken = False
    for placement in placements:
        try:
            server.write(placement, revisions[placement.name])
        except ApiRefused as error:
            if error.status != _PRECONDITION_FAILED:
                raise
            overtaken = True
            line = f"SKIP {placement.name}: changed meanwhile: {error.error}"
        else:
            target = f" -> {placement.node}" if placement.node else ""
            line = f"{verb} {placement.name}{target}: {placement.reason}"
        print(printable(line), flush=True)
    return overtaken
