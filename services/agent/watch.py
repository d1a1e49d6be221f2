"""The pass that goes on: it begins as a tick, then looks and listens until its time is over.

Every look costs a read of the slice's directory and of two files a container; everything else
happens only when something differs.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from services.agent import tick
from services.agent.held import LOOK_S
from services.agent.journal import Journal
from services.agent.queued import Queued
from services.core.errors import LabError
from services.core.follow import Answer
from services.core.lease import plan, wanted
from services.core.model import Task


class Listening(tick.ControlPlane, Protocol):
    """A control plane that need not be waited for."""

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""

    def news(self, timeout_s: float) -> Answer | None:
        """Wait up to timeout_s; return what must run if that is new, or why nobody can say."""

    def close(self) -> None:
        """Give up what is under way."""


class Glancing(tick.Systemd, Protocol):
    """Containers that can be looked at often."""

    def glance(self) -> dict[str, bool]:
        """Return who is there, and whether it is ready."""


class Watch:
    """A pass of `plane` over `systemd` that tells `journal`.

    patience_s: how long a job of systemd may be queued before it is asked for again. now_s:
    monotonic.
    """

    def __init__(
        self,
        plane: Listening,
        systemd: Glancing,
        journal: Journal,
        *,
        patience_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plane = plane
        self._systemd = systemd
        self._journal = journal
        self._now_s = now_s
        self._patience_s = patience_s
        self._queued = Queued(patience_s)
        self._answer = Answer(None)
        self._seen: dict[str, bool] | None = None
        self._cut_off = False
        self._open = True
        self._problem: LabError | None = None

    def run(self, until_s: float) -> None:
        """Ask and act as a tick does, then look and listen until until_s.

        It goes on while a request is under way, which has a bound of its own, and for a moment
        while a job is: an answer that is cut off would be a sign of life less, and nothing that
        was queued may come up unseen by the next pass's report. Raises LabError at the end if
        systemd refuses still.
        """
        try:
            observed = tick.let_go(self._plane, self._systemd, self._journal)
            self.look(self._plane.ask(observed))
            while self._goes_on(until_s):
                self.look(self._plane.news(LOOK_S))
        finally:
            self._plane.close()
        if self._problem:
            raise self._problem

    def look(self, answer: Answer | None) -> tuple[Task, ...]:
        """Act if `answer` is new, the containers changed, or the lease ran out or came back.

        Also while there is something left to do. Return the tasks that were performed.
        """
        glance, cut_off = self._systemd.glance(), self._plane.cut_off()
        unchanged = (glance, bool(cut_off)) == (self._seen, self._cut_off)
        if answer is None and unchanged and not self._open:
            return ()
        self._seen, self._cut_off = glance, bool(cut_off)
        self._answer = answer or self._answer
        now_s = self._now_s()
        observed = self._queued.with_starting(self._systemd.observed(), now_s)
        self._plane.report(observed)
        planned = plan(self._plane.recall(), observed, cut_off)
        tasks = self._queued.fresh(planned, now_s)
        self._open = bool(planned) or bool(observed.keys() - glance.keys())
        said = self._answer._replace(assignment=wanted(self._answer.assignment, cut_off))
        self._journal.record(said, tasks, settled=not self._open)
        self._perform(tasks)
        return tasks

    def _goes_on(self, until_s: float) -> bool:
        late_s = self._now_s() - until_s
        return late_s < 0 or not self._plane.idle or (self._open and late_s < self._patience_s)

    def _perform(self, tasks: Sequence[Task]) -> None:
        if not self._open:
            self._problem = None
        if not tasks:
            return
        try:
            self._systemd.perform(tasks)
            self._problem = None
        except LabError as error:
            self._journal.complain(error)
            self._problem = error
        self._queued.note(tasks, self._now_s())
