"""A control plane that is asked without waiting: one held request, and reports beside it.

The held request goes round in slices of a tick, each a sign of life. When one fails, heartbeats
with a report take its place, at growing intervals, until one is answered: a server that was away
knows nothing of this node. A server without /desired is asked by such heartbeats, one a tick.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.agent.line import NOT_ALLOWED
from services.agent.plane import Plane
from services.agent.reports import Reports
from services.agent.tick import Observed
from services.core import wire
from services.core.backoff import delay_s
from services.core.errors import ApiRefused, LabError
from services.core.follow import Answer
from services.core.model import Assignment
from services.lib.http_client import NOT_MODIFIED, Pending, Reply, wait

# Between two requests, whatever the server answers, and between two looks at the containers.
LOOK_S = 0.15


def chance() -> float:
    """From 0 up to 1. `import random` would add 8 % to the instructions of a pass."""
    return os.urandom(1)[0] / 256


class _Sent(NamedTuple):
    """A request under way. at_s: by the pass's clock; sent_at_s: by the lease's. held: a slice.

    shown: the token that went with it.
    """

    pending: Pending
    at_s: float
    sent_at_s: float
    held: bool
    shown: str


class Held:
    """`plane`, with `news` beside its questions. tick_s: length of a slice.

    until_s: when the pass ends, by now_s; no request is made after it. pause: as http_client.wait.
    """

    def __init__(
        self,
        plane: Plane,
        *,
        tick_s: float,
        until_s: float,
        now_s: Callable[[], float] = time.monotonic,
        pause: Callable[[Sequence[Pending], float], None] = wait,
        chance: Callable[[], float] = chance,
    ) -> None:
        self._plane = plane
        self._tick_s = tick_s
        self._until_s = until_s
        self._now_s = now_s
        self._pause = pause
        self._chance = chance
        self._slice: _Sent | None = None
        self._next_s = now_s()
        self._etag = ""
        self._failures = 0
        self._beats = False  # instead of held requests: after a failure
        self._polls = False  # and where there are none
        self._reports = Reports(plane, again_s=LOOK_S, retry_s=tick_s)

    def recall(self) -> Assignment | None:
        """What this node was last told to run."""
        return self._plane.recall()

    def cut_off(self) -> str:
        """Why containers with STOP must not run now."""
        return self._plane.cut_off()

    def ask(self, observed: Observed) -> Answer:
        """Ask once and wait for the answer: how a pass begins."""
        self._reports.say(observed, known=True)
        answer = self._plane.ask(observed)
        if answer.outage:
            self._back_off()
        return answer

    def report(self, observed: Observed) -> None:
        """Say `observed` with the next call of `news`, if the server does not know it."""
        self._reports.say(observed)

    def news(self, timeout_s: float) -> Answer | None:
        """Wait up to timeout_s; return what must run if that is new, or why nobody can say."""
        now_s = self._now_s()
        if self._slice is None and self._next_s <= now_s < self._until_s:
            self._slice = self._begin(now_s)
        if now_s < self._until_s and not self._beats:
            self._reports.begin(now_s)
        under_way = self._under_way()
        if self._slice is None and self._next_s > now_s:
            timeout_s = min(timeout_s, self._next_s - now_s)
        self._pause(under_way, timeout_s)
        self._reports.take()
        return self._take_slice()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, so that a pass may end without cutting an answer off."""
        return not self._under_way()

    def close(self) -> None:
        """Give up what is under way."""
        for pending in self._under_way():
            pending.close()

    def _under_way(self) -> list[Pending]:
        exchanges = (self._slice.pending if self._slice else None, self._reports.pending)
        return [pending for pending in exchanges if pending]

    def _begin(self, now_s: float) -> _Sent:
        # The time is taken before anything is sent: the lease counts from it.
        sent_at_s, line = self._plane.now_s(), self._plane.line
        held = not (self._beats or self._polls)
        wait_s = min(self._tick_s, self._until_s - now_s)
        pending = line.desired(self._etag, wait_s) if held else self._reports.beat()
        return _Sent(pending, now_s, sent_at_s, held, line.shown)

    def _take_slice(self) -> Answer | None:
        sent = self._slice
        if sent is None or not sent.pending.over:
            return None
        self._slice = None
        try:
            reply = sent.pending.result()
            return self._heard(reply, sent) if sent.held else self._beaten(reply, sent)
        except LabError as error:
            if self._plane.line.has_new_token(error, sent.shown):
                self._next_s = sent.at_s + LOOK_S  # nothing is wrong but that it was replaced
                return None
            # To be let in is not what another way of asking would change.
            if isinstance(error, ApiRefused) and sent.held and error.status not in NOT_ALLOWED:
                self._polls = True
                return None
            self._back_off()
            return self._plane.doubt(error)

    def _heard(self, reply: Reply, sent: _Sent) -> Answer | None:
        """Of a slice: nothing new, or another assignment."""
        self._failures = 0
        self._next_s = sent.at_s + self._tick_s
        if reply.status == NOT_MODIFIED and self._etag:
            self._plane.confirm(sent.sent_at_s)
            return None
        before, etag = self._plane.recall(), self._etag
        answer = self._plane.follow(wire.load_assignment(reply.body), sent.sent_at_s)
        if answer.outage:
            self._back_off()
            return answer
        self._etag = reply.etag
        fresh = reply.etag not in ("", etag)
        if fresh:
            # Nobody held this request. At once a held one, but for a server that always says so.
            self._next_s = sent.at_s + LOOK_S
        if answer.assignment != before:
            return answer
        if fresh and etag:
            self._reports.forget()  # it counts anew: perhaps it also forgot what runs here
        return None

    def _beaten(self, reply: Reply, sent: _Sent) -> Answer:
        """Of a heartbeat in a slice's place."""
        answer = self._plane.follow(self._plane.assigned(reply.body), sent.sent_at_s)
        if answer.outage:
            self._back_off()
            return answer
        self._beats = False
        self._next_s = sent.at_s
        if self._polls:
            self._failures = 0
            self._next_s += self._tick_s
        return answer

    def _back_off(self) -> None:
        self._failures += 1
        self._beats = True
        self._etag = ""
        self._next_s = self._now_s() + delay_s(self._failures, self._chance())
