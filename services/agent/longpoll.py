"""The state server as a node sees it that waits for news: one long poll, and reports beside it.

A run begins as in services/agent/plane.py. From then on `desired` answers from what was heard
last, and requests make progress only in `wait`.
"""

import os
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from services.agent.plane import Plane
from services.agent.reports import Reports
from services.core import wire
from services.core.backoff import delay_s
from services.core.errors import ApiRefused, LabError
from services.core.lease import Moment
from services.core.model import Desired, Observed
from services.lib.http_client import NOT_MODIFIED, Pending, Reply, wait

# Between two looks at the containers; and between two requests, whatever the server answers.
LOOK_S = 0.15
_NO_SUCH_ROUTE = (404, 405, 501)


class PollState(Enum):
    """How the state server is asked."""

    WAITING = "by a request that it answers when what this node must run changes, or after a tick"
    RETRYING = "by heartbeats at growing intervals, after a failure: it may have forgotten the node"
    POLLING = "by a heartbeat every tick: it answers no long polls"


class PollOutcome(Enum):
    """What became of a request."""

    ANSWERED = "an answer that is followed, or that nothing changed"
    NO_ROUTE = "the server does not know this kind of request"
    FAILED = "no answer, or one that is not followed"


# A heartbeat is answered or it failed: every server has that route.
TRANSITIONS = {
    (PollState.WAITING, PollOutcome.ANSWERED): PollState.WAITING,
    (PollState.WAITING, PollOutcome.NO_ROUTE): PollState.POLLING,
    (PollState.WAITING, PollOutcome.FAILED): PollState.RETRYING,
    (PollState.RETRYING, PollOutcome.ANSWERED): PollState.WAITING,
    (PollState.RETRYING, PollOutcome.FAILED): PollState.RETRYING,
    (PollState.POLLING, PollOutcome.ANSWERED): PollState.POLLING,
    (PollState.POLLING, PollOutcome.FAILED): PollState.RETRYING,
}


def chance() -> float:
    """Return a number from 0 up to 1. `import random` would add 8 % to a pass's instructions."""
    return os.urandom(1)[0] / 256


class _Request(NamedTuple):
    """A request on its way. at_s: by the run's clock; sent_at: by the lease's."""

    pending: Pending
    at_s: float
    sent_at: Moment
    token: str


class LongPoll:
    """A ControlPlane over `plane` that hears of changes at once.

    tick_s: how long one long poll lasts; each is a sign of life. until_s: when the run ends, by
    now_s; no long poll begins after it. pause: as http_client.wait.
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
        self._local = plane.local
        self._tick_s = tick_s
        self._until_s = until_s
        self._now_s = now_s
        self._pause = pause
        self._chance = chance
        self._reports = Reports(plane, again_s=LOOK_S, retry_s=tick_s)
        self.state = PollState.WAITING
        self._request: _Request | None = None
        self._next_s = now_s()
        self._failures = 0
        self._etag = ""

    def desired(self, observed: Observed) -> Desired:
        """Return what this node must run, as last heard; the beginning of a run asks."""
        self._reports.update(observed)
        if self._plane.asked:
            return self._local.desired()
        desired = self._plane.desired(observed)
        if self._plane.asked:
            self._reports.mark_sent()
            # Under the revision that the answer brought.
            self._reports.update(observed)
            if not self._local.is_current:
                self._end(PollOutcome.FAILED)
        return desired

    def report(self, observed: Observed) -> None:
        """Let the next `wait` report `observed`, if the server does not know it."""
        self._reports.update(observed)

    def wait(self, busy: bool) -> bool:
        """Wait for news, for the end of the lease, or until it is time for another look.

        Return False at once when the run is over: after until_s, but not before requests on their
        way are answered, and at most a tick later while a container starts or its report is due.
        The next run begins seconds later, and would not know what systemd was asked.
        """
        if not self._plane.asked:
            return True
        now_s = self._now_s()
        late_s = now_s - self._until_s
        unfinished = (busy or self._can_report()) and late_s < self._tick_s
        if late_s >= 0 and not self._under_way() and not unfinished:
            return False
        self._begin(now_s)
        self._pause(self._under_way(), self._patience_s(now_s))
        self._reports.take()
        self._take()
        return True

    def _under_way(self) -> list[Pending]:
        requests = (self._request.pending if self._request else None, self._reports.pending)
        return [pending for pending in requests if pending]

    def _patience_s(self, now_s: float) -> float:
        patience_s = LOOK_S
        if self._request is None and self._next_s > now_s:
            patience_s = min(patience_s, self._next_s - now_s)
        lease_left_s = self._local.lease_left_s()
        return min(patience_s, lease_left_s) if lease_left_s > 0 else patience_s

    def _begin(self, now_s: float) -> None:
        """Send what is due."""
        if self._request is None and self._next_s <= now_s < self._until_s:
            # Before anything is sent: the lease counts from here.
            sent_at, token = self._local.now(), self._plane.client.token
            self._request = _Request(self._ask(now_s), now_s, sent_at, token)
        if self.state is not PollState.RETRYING and now_s < self._until_s + self._tick_s:
            self._reports.begin(now_s)

    def _can_report(self) -> bool:
        return self._reports.unsent and self.state is not PollState.RETRYING

    def _ask(self, now_s: float) -> Pending:
        if self.state is PollState.WAITING:
            wait_s = min(self._tick_s, self._until_s - now_s)
            return self._plane.client.desired(self._etag, wait_s)
        return self._reports.beat()

    def _take(self) -> None:
        """Take the answer if it is there."""
        request = self._request
        if request is None or not request.pending.over:
            return
        self._request = None
        self._next_s = request.at_s + self._tick_s
        try:
            reply = request.pending.result()
            waited = self.state is PollState.WAITING
            followed = self._heard(reply, request) if waited else self._beaten(reply, request)
        except LabError as error:
            if self._plane.client.has_new_token(error, request.token):
                self._next_s = request.at_s + LOOK_S  # the token was replaced; all is well
                return
            if self.state is PollState.WAITING and _is_unknown_route(error):
                self._end(PollOutcome.NO_ROUTE)
                return
            self._local.doubt(error)
            followed = False
        self._end(PollOutcome.ANSWERED if followed else PollOutcome.FAILED)

    def _heard(self, reply: Reply, request: _Request) -> bool:
        """Take the answer to a long poll; return whether it is followed."""
        if reply.status == NOT_MODIFIED and self._etag:
            self._local.confirm(request.sent_at)
            return True
        before, etag = self._local.assignment, self._etag
        if not self._local.follow(wire.load_assignment(reply.body), request.sent_at):
            return False
        self._etag = reply.etag
        if reply.etag not in ("", etag):
            # The server answered before the tick was over, so it may be asked again at once. A
            # server that never waits has the same ETag each time, or none.
            self._next_s = request.at_s + LOOK_S
            if etag and self._local.assignment == before:
                self._reports.repeat()  # it was restarted: perhaps it forgot what runs here
        return True

    def _beaten(self, reply: Reply, request: _Request) -> bool:
        """Take the answer to a heartbeat; return whether it is followed."""
        return self._local.follow(self._plane.assigned(reply.body), request.sent_at)

    def _end(self, outcome: PollOutcome) -> None:
        """Move on to the next state, and to when its first request is due."""
        before, self.state = self.state, TRANSITIONS[self.state, outcome]
        if outcome is PollOutcome.FAILED:
            self._failures += 1
            self._etag = ""
            self._next_s = self._now_s() + delay_s(self._failures, self._chance())
        elif self.state is not before:
            self._next_s = self._now_s()
        else:
            self._failures = 0


def _is_unknown_route(error: LabError) -> bool:
    """Every other refusal is about this one request, who sends it, or the server's own trouble."""
    return isinstance(error, ApiRefused) and error.status in _NO_SUCH_ROUTE
