"""The agent's pass: observe, ask, reconcile, say, perform, report.

Compare services/push/push.py: the same containers on the same nodes, and no pass.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.agent.journal import Journal
from services.core.follow import Answer
from services.core.model import Task, UnitState
from services.core.reconcile import reconcile

Observed = Mapping[str, UnitState]


class ControlPlane(Protocol):
    """Where the desired state comes from. Neither method raises when nobody answers."""

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
    """Run one pass and return the tasks that it performed.

    Without an answer from anybody, now or ever, nothing is touched: "unreachable" never means
    "run nothing". Raises LabError when systemd refused; what it left undone is reported then,
    and the next pass tries again.
    """
    observed = systemd.observed()
    answer = plane.ask(observed)
    tasks: tuple[Task, ...] = ()
    if answer.assignment is not None:
        desired = {container.name: container for container in answer.assignment.containers}
        tasks = reconcile(desired, observed)
    journal.record(answer, tasks)
    if tasks:
        try:
            systemd.perform(tasks)
        finally:
            plane.report(systemd.observed())
    return tasks
