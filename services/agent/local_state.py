"""What the state server last said to this node, and until when that holds.

All that an agent knows while the state server does not answer. It outlives a run of the
agent, and the assignment outlives a reboot (services/agent/memory.py).
"""

from collections.abc import Callable

from services.agent.client import NOT_ALLOWED
from services.agent.memory import Memory
from services.core.errors import ApiNonsense, ApiRefused, ApiUnreachable, LabError
from services.core.follow import objection
from services.core.lease import Lease, Moment, cut_off, may_run, only_withheld_stops
from services.core.model import Assignment, Desired, Observed
from services.lib.world_clock import boottime_s, world_s

NOT_ASKED = "lease ran out before the API was asked"


class LocalState:
    """The last assignment that was followed, its lease, and why it is not from just now.

    boot_s, world_s: the clocks of the lease, see Moment.
    """

    def __init__(
        self,
        memory: Memory,
        boot_s: Callable[[], float] = boottime_s,
        world_s: Callable[[], int] = world_s,
    ) -> None:
        self._boot_s, self._world_s = boot_s, world_s
        self._memory = memory
        self.assignment, self._lease, self._newest = memory.recall()
        self._remembered = self._newest
        self._looked_s = world_s()
        self._outage = NOT_ASKED
        self._since = ""
        self._cached: Desired | None = None

    @property
    def revision(self) -> int:
        """Of the assignment that holds, and that the next run will know; 0 without one.

        The server takes what it is told here for a promise, also about the time without it.
        """
        return self.assignment.revision if self.assignment and self._remembered else 0

    @property
    def epoch(self) -> str:
        """Of the store that gave it; "" without one."""
        return self.assignment.epoch if self.assignment else ""

    @property
    def is_current(self) -> bool:
        """Whether the last request was answered, and the answer followed."""
        return not self._outage

    def now(self) -> Moment:
        """Return this moment."""
        return Moment(self._boot_s(), self._world_s())

    def desired(self) -> Desired:
        """Return what this node must run now: never more than the lease allows."""
        now = self.now()
        self._looked_s = now.world_s
        reason = cut_off(self._lease, now)
        if reason or self._cached is None:
            desired = may_run(self.assignment, reason, newest=self._newest)
            desired = desired._replace(outage=self._outage, since=self._since)
            # A reason says for how long, so it differs each time.
            self._cached = None if reason else desired
            return desired
        return self._cached

    def urgent(self, observed: Observed) -> Desired | None:
        """Return what to run if something must stop before the server is asked; else None.

        The answer may take long, and by now the server may have placed it elsewhere. If it has
        not, the next pass starts it again.
        """
        urgent = only_withheld_stops(self.desired(), observed)
        return urgent and urgent._replace(since=self._memory.since())

    def lease_left_s(self) -> float:
        """Return the seconds until the lease runs out; not above 0 when it has."""
        if self._lease is None:
            return 0.0
        # As of the last look: to read this clock takes an emulated guest half as long as a look.
        now = Moment(self._boot_s(), self._looked_s)
        return self._lease.lease_s - now.since_s(self._lease.sent_at)

    def follow(self, answer: Assignment, sent_at: Moment) -> bool:
        """Take `answer` to a request that was sent at sent_at; return whether it is followed."""
        reason = objection(self.assignment, answer)
        if reason:
            self._use_local_state(reason)
            return False
        self._keep(answer, sent_at)
        self._outage = self._since = ""
        return True

    def confirm(self, sent_at: Moment) -> None:
        """The server said, to a request sent at sent_at, that its last answer still holds."""
        if self.assignment is not None:
            self._keep(self.assignment, sent_at)

    def doubt(self, error: LabError) -> None:
        """Take note of a request that failed."""
        if isinstance(error, ApiNonsense):
            self._use_local_state(f"API answered nonsense: {error.detail}")
        elif isinstance(error, ApiUnreachable):
            self._use_local_state("API unreachable")
        elif isinstance(error, ApiRefused):
            # The hint says how to let this node in, and the agent's output is where it is read.
            hint = f" ({error.hint})" if error.status in NOT_ALLOWED and error.hint else ""
            self._use_local_state(f"API answered {error.status}: {error.error}{hint}")
        else:  # the shape of the answer, or a name or image in it
            self._use_local_state(f"API answered nonsense: {error}")

    def _keep(self, answer: Assignment, sent_at: Moment) -> None:
        # Before the lease, which names it.
        self._remembered = self._memory.keep(answer, self.assignment)
        self.assignment, self._newest, self._cached = answer, True, None
        lease, boot_s = self._lease, sent_at.boot_s
        # Answers may overtake each other: one to an earlier request shortens nothing.
        if lease is not None and boot_s < lease.sent_at.boot_s <= self.now().boot_s:
            sent_at, lease_s = lease.sent_at, lease.lease_s
        else:
            lease_s = answer.lease_s
        self._lease = Lease(sent_at, lease_s, answer.epoch, answer.revision)
        self._memory.keep_lease(self._lease)

    def _use_local_state(self, outage: str) -> None:
        self._outage = outage
        self._since = self._memory.since() if self.assignment else ""
        self._cached = None
