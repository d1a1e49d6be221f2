"""What the state server knows of what runs here, and the heartbeats that tell it."""

from services.agent.plane import Plane
from services.agent.tick import Observed
from services.core import wire
from services.core.errors import ApiUnreachable, LabError
from services.core.model import UnitState
from services.lib.http_client import Pending

# What runs, and the revision of the assignment that was acted on: the server waits for both.
_State = tuple[dict[str, UnitState], int]


class Reports:
    """Heartbeats on a connection of their own, one at a time, of `plane`.

    again_s: least time between two of them; retry_s: after one that failed.
    """

    def __init__(self, plane: Plane, *, again_s: float, retry_s: float) -> None:
        self._plane = plane
        self._again_s = again_s
        self._retry_s = retry_s
        self._state: _State = ({}, 0)
        self._known: _State | None = None
        self._at_s = self._sent_at_s = self._next_s = 0.0
        self._shown = ""
        self.pending: Pending | None = None

    def say(self, observed: Observed, *, known: bool = False) -> None:
        """Tell `observed` next. known: somebody else tells it."""
        self._state = (dict(observed), self._plane.revision)
        self._known = self._state if known else self._known

    def forget(self) -> None:
        """The server may not know any more what it was told."""
        self._known = None

    def beat(self) -> Pending:
        """Begin a heartbeat that tells what there is to tell, for whoever takes its answer."""
        self._known = self._state
        self._shown = self._plane.line.shown
        return self._plane.line.beat(*self._state)

    def begin(self, now_s: float) -> None:
        """Begin a heartbeat if there is something to tell, and it is time."""
        if self.pending is None and self._state != self._known and now_s >= self._next_s:
            # The time is taken before anything is sent: the lease counts from it.
            self._at_s, self._sent_at_s = now_s, self._plane.now_s()
            self.pending = self.beat()

    def take(self) -> None:
        """Take the answer if it is there. Whether anybody answers at all is for others to say."""
        if self.pending is None or not self.pending.over:
            return
        pending, self.pending = self.pending, None
        self._next_s = self._at_s + self._again_s
        try:
            answer = wire.load_beat(pending.result().body)
        except LabError as error:
            self._known = None
            if self._plane.line.has_new_token(error, self._shown):
                return  # nothing is wrong but that it was replaced
            self._next_s = self._at_s + self._retry_s
            if not isinstance(error, ApiUnreachable):
                self._plane.complain(f"not reported: {error}")
            return
        # Any other assignment comes, or came, on the other connection, which may be faster.
        if answer is not None and answer == self._plane.recall():
            self._plane.confirm(self._sent_at_s)
