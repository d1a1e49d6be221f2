"""The agent's pass: observe, ask what is desired, reconcile, narrate, perform, report.

Compare services/push/push.py: the same containers on the same nodes, and no pass.
Both profiles run this function: services/agent/loop.py calls it once, or again and again.
"""

from typing import Protocol

from services.agent.narrator import Narrator
from services.agent.systemd import Systemd
from services.core.model import Desired, Observed, Task
from services.core.reconcile import reconcile


class ControlPlane(Protocol):
    """The state server, as a node sees it. No method raises when the server does not answer."""

    def desired(self, observed: Observed) -> Desired:
        """Return what this node must run: what the server says, or else what it said last.

        Never more than the lease allows. `observed` is what the server is told runs here.
        """

    def report(self, observed: Observed) -> None:
        """Tell the server what runs here after this pass changed it."""

    def wait(self, busy: bool) -> bool:
        """Return True when another pass is due: there is news, the lease ran out, or it is time.

        busy: what this node runs will change soon, by itself. False: no pass follows.
        """


def tick(plane: ControlPlane, systemd: Systemd, narrator: Narrator) -> tuple[Task, ...]:
    """Make this node run what it should: one pass of the loop that push does not have.

    Returns the tasks that it performed. Raises LabError when systemd refused some of them; what
    runs is reported all the same, and the next pass tries again.
    """
    observed = systemd.observed()
    desired = plane.desired(observed)
    tasks = reconcile(desired, observed)
    narrator.record(desired, observed, tasks)
    if tasks:
        try:
            systemd.perform(tasks)
        finally:
            plane.report(systemd.observed())
    return tasks
