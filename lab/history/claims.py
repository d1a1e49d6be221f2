"""Write into the history what the two APIs say, and when they say nothing."""

import threading
import time
from collections.abc import Callable
from typing import Any

from lab.history.history import Writer
from lab.host.speed import deadline_s
from lab.planes.client import PullClient, PushClient
from services.core.errors import ApiUnreachable, LabError

# An unchanged claim is written again so often: it shows that the API was asked.
_AGAIN_S = 5.0
# With KVM. Push asks its nodes over SSH for each answer: more often would measure ourselves. Every
# 2 s under emulation, a node had a quarter of its processor less.
_EVERY_S = {"push": 0.5, "pull": 0.1}
_EVENTS_WAIT_S = 5.0
_FAILED_S = 0.5
_LOOK_S = 0.1

Claim = dict[str, Any]
EMPTY: Claim = {"ok": False, "containers": [], "running": [], "nodes": {}, "error": ""}


def push(client: PushClient) -> Claim:
    """Return what push says now."""
    said = client.running()
    placed = [[one.name, one.node] for one in said.containers]
    return {**EMPTY, "ok": True, "containers": placed} | {
        "nodes": dict.fromkeys(said.unreachable, "unreachable")
    }


def pull(client: PullClient) -> Claim:
    """Return what pull says now. Two questions: a change in between shows in the next."""
    said = client.declared()
    nodes = {node.name: node.health.value for node in client.nodes().nodes}
    placed = [[one.name, one.node] for one in said.containers]
    return {**EMPTY, "ok": True, "containers": placed, "running": sorted(said.running)} | {
        "nodes": nodes
    }


class Claims:
    """Asks one API again and again. latest: its last answer, to the question of asked_s.

    turn: taken while it asks.
    """

    def __init__(self, mode: str, ask: Callable[[], Claim], writer: Writer) -> None:
        self.latest: Claim = EMPTY
        self.asked_s = writer.now_s()
        self.turn = threading.Lock()
        self._soon = threading.Event()
        self._mode = mode
        self._ask = ask
        self._writer = writer
        self._every_s = min(_AGAIN_S, deadline_s(_EVERY_S[mode]))
        self._wrote_s = -_AGAIN_S

    def run(self, over: threading.Event) -> None:
        """Ask until `over` is set."""
        while not over.is_set():
            self._soon.clear()
            with self.turn:
                self.look()
            until_s = time.monotonic() + self._every_s
            while not (over.is_set() or self._soon.is_set()) and time.monotonic() < until_s:
                self._soon.wait(_LOOK_S)

    def hurry(self) -> None:
        """Ask again at once: someone waits for an answer to a question of after now."""
        self._soon.set()

    def look(self) -> None:
        """Ask once, and write the answer if it is another one, or was not written for long.

        Another answer became true at some time since the question before.
        """
        asked_s = self._writer.now_s()
        try:
            claim = self._ask()
        except ApiUnreachable as error:
            claim = {**EMPTY, "error": str(error)}
        except LabError as error:
            claim = {**EMPTY, "error": f"it answered, but: {error}"}
        now_s = self._writer.now_s()
        changed = claim != self.latest
        if changed or now_s - self._wrote_s >= _AGAIN_S:
            self._wrote_s = now_s
            from_s = self.asked_s if changed else asked_s
            times = {"at_s": (from_s + now_s) / 2, "error_s": (now_s - from_s) / 2}
            self._writer.put("claims", **times, mode=self._mode, **claim)
        self.latest, self.asked_s = claim, asked_s


def follow_events(client: PullClient, writer: Writer, over: threading.Event) -> None:
    """Write pull's events from now on until `over` is set."""
    since: int | None = None
    while not over.is_set():
        try:
            since = since if since is not None else client.events(0).revision
            page = client.events(since, wait_s=_EVENTS_WAIT_S)
        except LabError:
            over.wait(_FAILED_S)
            continue
        for event in page.events:
            about_node = event.kind.startswith("node")
            node, container = (event.subject, "") if about_node else (event.node, event.subject)
            named: Claim = {"type": event.kind, "text": event.reason, "node": node}
            writer.put("event", mode="pull", container=container, **named)
        since = page.revision
