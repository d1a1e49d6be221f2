"""Whether a view is the newest state of its store: the store is asked, nothing is assumed.

Of a store that several servers share, changes may be missing here: most of its members are lost,
its disk is full, or a watch hangs. So this server writes a key each second, and waits until the
watch brings that. While it does not, answers are possibly stale, nothing is changed, and silence of
nodes does not count. The end of such a gap is like a start of the server: each node has a whole
lease to speak. A store of this process alone is never ahead of its view.
"""

from collections.abc import Callable

from services.state.keys import Keys, Unavailable
from services.state.mirror import Mirror
from services.state.rows import PULSE

EVERY_S = 1.0
# Since the store confirmed the view: more than what an election of another leader takes.
_STALE_S = 3 * EVERY_S
# How long the view may be behind a commit.
BEHIND_S = 5.0


class Freshness:
    """Whether `view` is all of `keys`. since_s: when the server started, or the last gap ended."""

    def __init__(self, keys: Keys, view: Mirror, now_s: Callable[[], float]) -> None:
        self.since_s = self._confirmed_s = now_s()
        self._keys = keys
        self._view = view
        self._now_s = now_s
        self._failure: Unavailable | None = None

    def known_s(self) -> float:
        """Return the time up to which this view has all changes, by now_s."""
        return self._confirmed_s if self._keys.shared else self._now_s()

    def stale(self) -> str:
        """Return why the view is possibly not the newest state, in ASCII; "" if it is."""
        if self._view.trouble:
            return "the state cannot be read; GET /readyz says more"
        late = self._now_s() - self.known_s() > _STALE_S
        return "etcd does not confirm it; GET /readyz says more" if late else ""

    def check(self) -> None:
        """Raise Unavailable while the view is possibly stale."""
        why = self.stale()
        if why and (known := self._failure):
            raise Unavailable(known.where, known.detail, known.hint)
        if why:
            raise Unavailable("the state", why, "try again")

    def confirm(self) -> bool:
        """Make sure that the view has all that was said until now; return whether it has."""
        if not self._keys.shared:
            return True
        asked_s = self._now_s()
        try:
            revision = self._keys.commit({}, {PULSE: {}})
            if not self._view.await_applied(revision, BEHIND_S):
                raise Unavailable("the state", "no changes come from etcd", "try again")
        except Unavailable as failure:
            self._failure = failure
            return False
        with self._view.reading():
            if self.stale():
                self.since_s = self._now_s()
            self._confirmed_s, self._failure = asked_s, None
        return True
