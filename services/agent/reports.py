"""What the state server knows of what runs here, and the heartbeats that tell it."""

from services.agent.plane import Plane
from services.core import wire
from services.core.errors import ApiUnreachable, LabError
from services.core.lease import Moment
from services.core.model import Observed, UnitState
from services.lib.http_client import Pending

# What runs, and the revision of the assignment that was acted on: the server waits for both.
_Report = tuple[dict[str, UnitState], int, str]


class Reports:
    """Heartbeats beside the long poll, on a connection of their own, one at a time.

    again_s: least time between two of them. retry_s: after one that failed. pending: the one that
    is on its way.
    """

    def __init__(self, plane: Plane, *, again_s: float, retry_s: float) -> None:
        self._plane = plane
        self._again_s = again_s
        self._retry_s = retry_s
        self._latest: _Report = ({}, 0, "")
        self._observed: Observed | None = None
        self._sent: _Report | None = None
        self._at_s = self._next_s = 0.0
        self._sent_at = Moment(0.0)
        self._token = ""
        self.pending: Pending | None = None

    def update(self, observed: Observed) -> None:
        """Let the next heartbeat say that `observed` runs here. Cheap for the same object again."""
        revision, epoch = self._plane.local.revision, self._plane.local.epoch
        if observed is self._observed and (revision, epoch) == self._latest[1:]:
            return
        self._observed = observed
        # What systemd is about to do is this node's own business.
        running = {name: state._replace(job=None) for name, state in observed.items()}
        self._latest = (running, revision, epoch)

    def mark_sent(self) -> None:
        """The server was sent the latest report by other means."""
        self._sent = self._latest

    def repeat(self) -> None:
        """The server may have forgotten what it was sent."""
        self._sent = None

    def beat(self) -> Pending:
        """Return a heartbeat on its way with the latest report; the caller takes its answer."""
        self._sent = self._latest
        self._token = self._plane.client.token
        return self._plane.client.beat(*self._latest)

    @property
    def unsent(self) -> bool:
        """Whether the latest report was not sent yet."""
        return self._latest != self._sent

    def begin(self, now_s: float) -> None:
        """Send a heartbeat if the latest report was not sent yet and it is time."""
        if self.pending is None and self.unsent and now_s >= self._next_s:
            # Before anything is sent: the lease counts from here.
            self._at_s, self._sent_at = now_s, self._plane.local.now()
            self.pending = self.beat()

    def take(self) -> None:
        """Take the answer if it is there. The long poll notices an outage; this does not."""
        if self.pending is None or not self.pending.over:
            return
        pending, self.pending = self.pending, None
        self._next_s = self._at_s + self._again_s
        try:
            answer = wire.load_beat(pending.result().body)
        except LabError as error:
            self._sent = None
            if self._plane.client.has_new_token(error, self._token):
                return  # the token was replaced; nothing else is wrong
            self._next_s = self._at_s + self._retry_s
            if not isinstance(error, ApiUnreachable):
                self._plane.complain(f"not reported: {error}")
            return
        # Another assignment arrives by the long poll as well, which may be faster.
        if answer is not None and answer == self._plane.local.assignment:
            self._plane.local.confirm(self._sent_at)
