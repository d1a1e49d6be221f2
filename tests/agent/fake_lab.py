"""A clock and a server that move only when a test says so."""

from collections import Counter

from services.agent.local_state import LocalState
from services.agent.memory import Memory
from services.agent.plane import Plane
from services.core import wire
from services.core.errors import ApiRefused, ApiUnreachable
from services.core.model import Assignment, Container, UnitState
from services.lib.http_client import Reply

A = Assignment("e", 5, (Container("a"),), 3.0)
RUNS = {"a": UnitState("demo", ready=True)}
AWAY = ApiUnreachable("http://api", "refused")
NOT_FOUND = ApiRefused("http://api", 404, "no such route")
NOT_KNOWN = ApiRefused("http://api", 401, "who are you?", "lab token rotate")
UNCHANGED = Reply(304, "", None)


def desired(assignment, etag='"1"'):
    return Reply(200, etag, wire.dump_assignment(assignment))


class Exchange:
    """takes_s: until it is over."""

    def __init__(self, lab, answer, takes_s):
        self._answer = answer
        self._lab = lab
        self._over_s = lab.now_s + takes_s
        self.closed = False

    @property
    def over(self):
        return self._lab.now_s >= self._over_s

    def over_in_s(self):
        return max(0.0, self._over_s - self._lab.now_s)

    def result(self):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def close(self):
        self.closed = True


class FakeLab:
    """A clock, and a server that is asked through a NodeClient of this shape.

    watch, beat: what is answered from now on. held_s: how long a watch is held, None for as long
    as it asks for. asked: (when, what) of every request.
    """

    def __init__(self):
        self.now_s = 100.0
        self._reads: Counter[float] = Counter()
        self.watch: object = UNCHANGED
        self.beat_answer: object = Reply(200, "", wire.dump_beat(A))
        self.held_s: float | None = None
        self.asked: list[tuple[float, str]] = []
        self.sent: list[tuple[dict, int]] = []
        self.etags: list[str] = []
        self.tokens_read = 0
        # What goes with a request, and what is in the file by now.
        self.token = self.new_token = "old"
        # The only token that it takes; "" for any.
        self.valid = ""

    def clock(self):
        self._reads[self.now_s] += 1
        assert self._reads[self.now_s] < 1000, "this spins"
        return self.now_s

    def pause(self, exchanges, timeout_s):
        assert timeout_s > 0, "this would spin"
        self.now_s += min([timeout_s, *(exchange.over_in_s() for exchange in exchanges)])

    def answer(self, begin):
        return begin().result()

    def beat(self, observed, revision, epoch):
        self.asked.append((self.now_s, "beat"))
        self.sent.append((dict(observed), revision))
        return Exchange(self, self._let_in(self.beat_answer), 0.01)

    def desired(self, etag, wait_s):
        self.asked.append((self.now_s, "watch"))
        self.etags.append(etag)
        if not etag:
            return Exchange(self, self._let_in(desired(A)), 0.01)
        if self.valid not in ("", self.token):
            return Exchange(self, NOT_KNOWN, 0.01)
        return Exchange(self, self.watch, wait_s if self.held_s is None else self.held_s)

    def _let_in(self, answer):
        return answer if self.valid in ("", self.token) else NOT_KNOWN

    def has_new_token(self, error, token):
        if getattr(error, "status", 0) != 401:
            return False
        self.tokens_read += 1
        self.token = self.new_token
        return self.token != token

    def times(self, what):
        return [at_s for at_s, kind in self.asked if kind == what]


class NotedPlane(Plane):
    """A plane whose memory is in `folder`. told: what both complain of.

    now_s: the clock that stands still while the machine is paused; world_s: the one that does not.
    """

    def __init__(self, client, folder, boot="", *, now_s=lambda: 0.0, world_s=lambda: 0):
        self.told: list[str] = []
        memory = Memory(str(folder), str(folder), boot, self.told.append)
        super().__init__(client, LocalState(memory, now_s, world_s), self.told.append)


def listen(poll, lab, seconds):
    """What is desired after each look of the next `seconds`, where it differs from before."""
    until_s, news, last = lab.now_s + seconds, [], poll._local.desired()
    while lab.now_s < until_s and poll.wait(False):
        desired = poll._local.desired()
        if desired != last:
            news.append(desired)
        last = desired
    return news


def cut_off(plane):
    """Whether the lease has run out, by the clock of the lab."""
    return plane.local.lease_left_s() <= 0
