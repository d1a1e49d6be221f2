"""The agent's pass: observe, ask, reconcile, say, perform, report.

Compare services/push/push.py: the same containers on the same nodes, and no pass.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.agent.journal import Journal
from services.core.errors import LabError
from services.core.follow import Answer
from services.core.lease import overdue, plan, wanted
from services.core.model import Assignment, Task, UnitState

Observed = Mapping[str, UnitState]


class ControlPlane(Protocol):
    """Where the desired state comes from. No method raises when nobody answers."""

    def recall(self) -> Assignment | None:
        """Return what this node was last told to run; None if nobody ever said."""

    def cut_off(self) -> str:
        """Return why containers that must never run twice must not run now; "" if they may."""

    def ask(self, observed: Observed) -> Answer:
        """Say that this node lives and runs `observed`; return what it must run."""

    def report(self, observed: Observed) -> None:
        """Say what runs now, after a pass that changed it."""


class Systemd(Protocol):
    """The containers of this node."""

    def observed(self) -> Observed:
        """Return every container that has processes, by name."""

    def perform(self, tasks: Sequence[Task]) -> None:
        """Do `tasks` in their order. Raises LabError, after it tried all of them."""


def tick(plane: ControlPlane, systemd: Systemd, journal: Journal) -> tuple[Task, ...]:
    """Run one pass and return the tasks that it performed after it had asked.

    Without an answer from anybody, now or ever, nothing is touched: "unreachable" never means
    "run nothing". Raises LabError when systemd refused; what it left undone is reported then,
    and the next pass tries again.
    """
    observed = let_go(plane, systemd, journal)
    answer = plane.ask(observed)
    cut_off = plane.cut_off()
    tasks = plan(answer.assignment, observed, cut_off)
    journal.record(answer._replace(assignment=wanted(answer.assignment, cut_off)), tasks)
    if tasks:
        try:
            systemd.perform(tasks)
        finally:
            plane.report(systemd.observed())
    return tasks


def let_go(plane: ControlPlane, systemd: Systemd, journal: Journal) -> Observed:
    """Stop what the lease has run out for; return what runs.

    Before anybody is asked: an answer may be long in coming, and whoever gives it may have placed
    these containers elsewhere by now. If it has not, they are started again.
    """
    observed = systemd.observed()
    tasks = overdue(plane.recall(), observed, plane.cut_off())
    if not tasks:
        return observed
    journal.say(tasks)
    try:
        systemd.perform(tasks)
    except LabError as error:
        # Still to be done after the question, which must be asked all the same.
        journal.complain(error)
    return systemd.observed()
