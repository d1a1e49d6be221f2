"""The state server as a node sees it that polls: one heartbeat, and then the run is over.

One more heartbeat follows a pass that changed something. services/agent/longpoll.py goes on from
there for nodes that wait for news.
"""

from collections.abc import Callable

from services.agent.client import NodeClient
from services.agent.local_state import LocalState
from services.core import wire
from services.core.errors import LabError
from services.core.model import Assignment, Desired, Observed


class Plane:
    """Asks with `client` once in a run; what it hears goes to `local`.

    complain: takes one line for the agent's output. asked: whether this run has asked.
    """

    def __init__(
        self, client: NodeClient, local: LocalState, complain: Callable[[str], None]
    ) -> None:
        self.client = client
        self.local = local
        self.complain = complain
        self.asked = False
        self._hurried = False

    def desired(self, observed: Observed) -> Desired:
        """Ask, and return what this node must run.

        Once in a run, what the lease has run out for comes before the question.
        """
        urgent = None if self._hurried else self.local.urgent(observed)
        self._hurried = True
        if urgent:
            return urgent
        self._ask(observed)
        return self.local.desired()

    def report(self, observed: Observed) -> None:
        """Send a heartbeat, unless the last one was not answered, or its answer not followed.

        Such an answer gave no lease; to wait for another one would take time from the old lease.
        """
        if self.local.is_current:
            try:
                self.client.answer(
                    lambda: self.client.beat(observed, self.local.revision, self.local.epoch)
                )
            except LabError as error:
                self.complain(f"not reported: {error}")

    def wait(self, busy: bool) -> bool:
        """Return whether this run has not asked yet."""
        return not self.asked

    def assigned(self, body: object) -> Assignment:
        """Return what the answer to a heartbeat says, or ask for it if it says nothing."""
        answer = wire.load_beat(body)
        if answer is None:
            answer = wire.load_assignment(self.client.answer(self.client.listing).body)
        return answer

    def _ask(self, observed: Observed) -> None:
        self.asked = True
        # Before anything is sent: the lease counts from here.
        sent_at = self.local.now()
        try:
            reply = self.client.answer(
                lambda: self.client.beat(observed, self.local.revision, self.local.epoch)
            )
            self.local.follow(self.assigned(reply.body), sent_at)
        except LabError as error:
            self.local.doubt(error)
