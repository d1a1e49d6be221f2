"""What a recording of our own lacks beside that of `lab run`: what is wanted, and the faults.

Of pull, what is wanted is what its API lists: users write that list. Push has none. There it is
what ran when the recording began, and each order that its API has carried out since then.
"""

import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from lab.faults import ledger
from lab.faults.ledger import Hurt
from lab.history.recording import Recording
from lab.machines import remote
from lab.planes import orders
from lab.planes.orders import Order
from lab.stage.control import words
from provisioning.topology import Machine
from services.core.errors import LabError

_AGAIN_S = 2.0


class PushOrders:
    """Follows the log of push's API. heard: every order since it was asked the first time."""

    def __init__(self, machine: Machine) -> None:
        self.heard: list[Order] = []
        self._machine = machine
        self._cursor = ""

    def run(self, over: threading.Event) -> None:
        """Follow until `over` is set; once one order was heard, none that comes later is missed."""
        while not over.wait(_AGAIN_S):
            after = f"--after-cursor={self._cursor}" if self._cursor else "--lines=0"
            before = self._cursor
            with suppress(LabError, OSError):
                code = remote.stream(self._machine, [*orders.FOLLOW, after], self._take, quiet=True)
                # A machine that was thawed does not know that place.
                self._cursor = "" if code == 1 and before == self._cursor else self._cursor

    def _take(self, line: str) -> None:
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            self._cursor = str(entry["__CURSOR"])
            if order := orders.read(entry["MESSAGE"]):
                self.heard.append(order)


class Notes:
    """Writes into the history of `recording` what users want, and what the ledger names."""

    def __init__(self, recording: Recording, pushed: PushOrders) -> None:
        self._recording = recording
        self._pushed = pushed
        self._from = len(pushed.heard)
        self._ran: tuple[str, ...] | None = None
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._hurts: dict[str, Hurt] = {}

    def look(self) -> None:
        """Write what has changed since the last look."""
        for mode, claims in self._recording.claims.items():
            claim = claims.latest
            listed = tuple(dict.fromkeys(str(name) for name, _ in claim["containers"]))
            if mode == "push":
                self._ran = listed if self._ran is None and claim["ok"] else self._ran
                if self._ran is not None:
                    self._want(mode, ordered(self._ran, self._pushed.heard[self._from :]))
            elif claim["ok"]:
                self._want(mode, listed)
        self._look_at_ledger()

    def _want(self, mode: str, names: Sequence[str]) -> None:
        found = tuple(sorted(names))
        if self._wanted.get(mode) != found:
            self._wanted[mode] = found
            named: dict[str, Any] = {
                "mode": mode,
                "names": list(found),
                "doubtful": [],
                "command": "",
            }
            self._recording.writer.put("wanted", **named)

    def _look_at_ledger(self) -> None:
        hurts = {hurt.id: hurt for hurt in ledger.read().hurts}
        for number, hurt in hurts.items():
            if number not in self._hurts:
                self._put(hurt, "acting", max(0.0, self._began_s(hurt)))
        for number, hurt in self._hurts.items():
            if number not in hurts:
                self._put(hurt, "healed", None)
        self._hurts = hurts

    def _began_s(self, hurt: Hurt) -> float:
        """Return when it began, by the run's clock."""
        now_s = self._recording.writer.now_s()
        try:
            return now_s - max(0.0, time.time() - datetime.fromisoformat(hurt.began).timestamp())
        except ValueError:
            return now_s

    def _put(self, hurt: Hurt, phase: str, at_s: float | None) -> None:
        fields = {"id": hurt.id, "fault": hurt.fault, "target": hurt.target, "phase": phase}
        named: dict[str, Any] = {**fields, "command": _typed(hurt), "evidence": "the ledger"}
        self._recording.writer.put("fault", at_s=at_s, **named)


def ordered(ran: Sequence[str], heard: Sequence[Order]) -> list[str]:
    """Return what push should run: what ran before, and what was ordered and carried out since.

    A stop that failed, for there is no such container, counts: it is not wanted any more.
    """
    names = dict.fromkeys(ran)
    for order in heard:
        if not order.start:
            names.pop(order.name, None)
        elif order.done:
            names[order.name] = None
    return list(names)


def _typed(hurt: Hurt) -> str:
    try:
        return " ".join(words(hurt.fault, hurt.target, {}))
    except LabError:
        return f"lab chaos {hurt.fault} {hurt.target}"
