"""The state server as this node sees it, and what it last said, for when it cannot be asked."""

import time
from collections.abc import Callable

from services.agent.line import NOT_ALLOWED, Line
from services.agent.memory import Memory
from services.agent.tick import Observed
from services.core import wire
from services.core.address import Address
from services.core.errors import ApiRefused, ApiUnreachable, LabError
from services.core.follow import Answer, objection
from services.core.lease import Lease, cut_off
from services.core.model import Assignment


def boottime_s() -> float:
    """Seconds since this machine booted, its suspends included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Plane:
    """Asks the state server at `address` for `node`; keeps its answers in `directory`.

    timeout_s: bound of one HTTP exchange. complain: takes one line for the journal. run: where
    the lease is kept ("": in `directory`). token_path, boot: as of Line. now_s: monotonic, and
    counted through suspends: the lease is measured on it.
    """

    def __init__(
        self,
        node: str,
        address: Address,
        directory: str,
        *,
        timeout_s: float,
        complain: Callable[[str], None],
        run: str = "",
        token_path: str = "",
        boot: str = "",
        now_s: Callable[[], float] = boottime_s,
    ) -> None:
        self.line = Line(node, address, timeout_s=timeout_s, token_path=token_path, boot=boot)
        self.now_s = now_s
        self.complain = complain
        self._memory = Memory(directory, run or directory, boot, complain)
        self._kept = self._memory.recall()
        self._lease = self._memory.lease()
        self._followed = False

    @property
    def revision(self) -> int:
        """Of the assignment that holds; 0 without one."""
        return self._kept.revision if self._kept else 0

    def recall(self) -> Assignment | None:
        """Return what this node was last told to run."""
        return self._kept

    def cut_off(self) -> str:
        """Return why containers with STOP must not run now; "" if they may."""
        return cut_off(self._lease, self.now_s())

    def ask(self, observed: Observed) -> Answer:
        """Report `observed` and return what this node must run: as said now, or else as kept."""
        sent_at_s = self.now_s()
        try:
            reply = self.line.answer(lambda: self.line.beat(observed, self.revision))
            return self.follow(self.assigned(reply.body), sent_at_s)
        except LabError as error:
            return self.doubt(error)

    def report(self, observed: Observed) -> None:
        """Report once more, unless the last answer was none, or none to be followed.

        Whoever was not followed gave no lease; waiting for it again would take from the old one.
        """
        if self._followed:
            try:
                self.line.answer(lambda: self.line.beat(observed, self.revision))
            except LabError as error:
                self.complain(f"not reported: {error}")

    def assigned(self, body: object) -> Assignment:
        """Return what the answer to a heartbeat says, or ask for it if it says nothing."""
        answer = wire.load_beat(body)
        if answer is None:
            answer = wire.load_assignment(self.line.answer(self.line.listing).body)
        return answer

    def follow(self, answer: Assignment, sent_at_s: float) -> Answer:
        """Return what this node must run after `answer` to a request that was sent at sent_at_s."""
        reason = objection(self._kept, answer)
        self._followed = not reason
        if reason:
            return self._local(reason)
        self._memory.keep(answer, self._kept)
        self._kept = answer
        self._renew(Lease(sent_at_s, answer.lease_s))
        return Answer(answer)

    def confirm(self, sent_at_s: float) -> None:
        """The server said, to a request sent at sent_at_s, that its last answer still holds."""
        if self._kept is not None:
            self._memory.keep(self._kept, self._kept)
            self._renew(Lease(sent_at_s, self._kept.lease_s))

    def doubt(self, error: LabError) -> Answer:
        """Return what this node must run after a request that failed."""
        self._followed = False
        if isinstance(error, ApiUnreachable):
            return self._local("API unreachable")
        if isinstance(error, ApiRefused):
            # Of these the hint says what is to be done, and the journal is where it will be read.
            hint = f" ({error.hint})" if error.status in NOT_ALLOWED and error.hint else ""
            return self._local(f"API answered {error.status}: {error.error}{hint}")
        # The shape of the answer, or a name or image in it.
        return self._local(f"API answered nonsense: {error}")

    def _renew(self, lease: Lease) -> None:
        # Answers may overtake each other: one that was sent earlier shortens nothing.
        if self._lease is None or not lease.sent_at_s < self._lease.sent_at_s <= self.now_s():
            self._lease = lease
            self._memory.keep_lease(lease)

    def _local(self, outage: str) -> Answer:
        if self._kept is None:
            return Answer(None, outage)
        return Answer(self._kept, outage, self._memory.since())
