"""Typed access to the state of the pull mode, over any Keys.

Users write what is *wanted*, scheduler and node controller what is *placed*, agents what is *seen*.
Every change has a revision of one sequence, which only grows, and moves the topics it concerns.
"""

import threading
import time
from collections.abc import Callable, Set
from contextlib import suppress
from functools import partial

from services.core.lease import Terms
from services.core.model import Container, Node, Placed
from services.state import answers, changes, enrolment, signs
from services.state.answers import Expect, Limits, TwoMachines
from services.state.changes import Plan
from services.state.freshness import BEHIND_S, EVERY_S
from services.state.keys import Conflict, Keys, Unavailable
from services.state.mirror import Mirror
from services.state.reads import Reads, unheard_by
from services.state.rows import STORE, dump_events, prepare
from services.state.said import Running, Said, is_other, timed

# How soon to try again to tell what the store could not write.
RETRY_S = 1.0
_TRIES = 100  # of one change, if others are faster


class State(Reads):
    """The whole state. Every method is safe to call from any thread, and atomic.

    A method that changes something returns after the change is durable; only then others see it.
    It raises Unavailable if that fails. `expect`: the revision that the object must have, EXISTS,
    ABSENT, or None for no condition; else RevisionConflict. epoch: of the store.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        terms: Terms,
        now_s: Callable[[], float] = time.monotonic,
        limits: Limits = answers.DEFAULT_LIMITS,
    ) -> None:
        """Open the state in `keys`, which this closes. now_s: monotonic. Raises Unavailable."""
        self._limits = limits
        self._tidying = False
        self._now_s = now_s
        prepare(keys, terms.leaving_hold_s, now_s())
        view = Mirror(keys, now_s=now_s, most_topics=limits.topics)
        super().__init__(view, keys, terms, now_s)
        # Node -> the boot of another machine that speaks so; and nodes that spoke only before.
        self._refused: dict[str, str] = {}
        self._earlier = self._view.marked.keys() - self._view.signs.keys()
        self._follower = threading.Thread(target=self._view.follow, daemon=True)
        if not keys.attach(self._view.apply, self._view.revision):
            self._follower.start()
        self._change(self._hold)  # before any lease is granted

    def declare(self, container: Container, node: str | None) -> Placed:
        """Want `container`, on `node` if given; what exists stays as it is. Raises LimitReached."""
        return self._change(
            lambda: changes.declare(self._view, self._limits, container, node)
        ).placed

    def put(self, container: Container, *, expect: Expect = None) -> tuple[Placed, bool]:
        """Want `container` as it is given; return it, and whether it is new.

        Where it is placed stays. Raises LimitReached and RevisionConflict.
        """
        plan = self._change(lambda: changes.replace(self._view, self._limits, container, expect))
        return plan.placed, plan.created

    def remove(self, name: str, *, expect: Expect = None) -> None:
        """Want `name` no longer; does nothing if it was not wanted. Raises RevisionConflict."""
        self._change(lambda: changes.remove(self._view, name, expect))

    def place(self, name: str, node: str | None, reason: str, *, expect: Expect = None) -> Placed:
        """Put `name` on `node` (None: nowhere). Raises UnknownContainer and RevisionConflict."""
        plan = self._change(lambda: changes.place(self._view, name, node, reason, expect))
        return plan.placed

    def mark(
        self,
        node: str,
        *,
        cordoned: bool | None = None,
        draining: bool | None = None,
        expect: Expect = None,
    ) -> Node:
        """Mark `node`; None leaves as it is. Only a cordoned node drains.

        Raises UnknownNode of one that never spoke, and RevisionConflict.
        """
        self._change(lambda: signs.mark(self._view, node, cordoned, draining, expect))
        return self.node(node)[0]

    def beat(
        self,
        node: str,
        running: Running,
        boot: str = "",
        revision: int = 0,
        epoch: str = "",
        uptime_s: float = 0.0,
    ) -> None:
        """Record that `node` lives, what is ready there if it says so, and in which boot.

        revision, epoch: of the assignment under which it found that running, and of the store
        that gave it, if it says so. uptime_s: since the boot. Raises LimitReached and TwoMachines.
        A full disk makes no node look dead.
        """
        known = running is not None and epoch in ("", self.epoch)
        acted = revision if known else None
        self._speak(node, Said(running, boot, acted, uptime_s), signs.hear)
        with suppress(Unavailable):
            while acted and self._change(lambda: signs.act(self._view, node, acted)).write:
                pass

    def alive(self, node: str, boot: str | None = None) -> None:
        """As `beat` of a node that says nothing but that it lives, and perhaps in which boot."""
        self._speak(node, Said(boot=boot), signs.hear)

    def forget(self, node: str) -> None:
        """`node` is dead, as a person says. Raises UnknownNode of one that never spoke.

        Should it speak again, that raises Forgotten until it says that it runs nothing.
        """
        self._change(lambda: enrolment.forget(self._view, node))

    def leave(self, node: str, boot: str, uptime_s: float = 0.0) -> None:
        """Record that `node` shuts down; undone by a beat of another boot, of none, or too late.

        Raises TwoMachines.
        """
        self._speak(node, Said(None, boot, None, uptime_s), signs.leave)

    def judge(self) -> float:
        """Tell watchers which nodes fell silent; return in how many seconds to do so again.

        While this is not called in time the answers are stale, if the store is shared.
        """
        if not self._fresh.confirm():
            return RETRY_S
        with self._view.reading():
            names = [name for name, sign in self._view.signs.items() if sign.up]
            names += self._awaited()
            silent = [name for name in names if self._is_silent(name)]
        with suppress(Unavailable):
            for name in sorted(silent):
                self._change(partial(self._fall, name))
                self._fresh.confirm()  # each may take long
            self._change(self._hold)
        with self._view.reading():
            heard = [self._heard_s(name) for name, sign in self._view.signs.items() if sign.up]
            heard += [self._fresh.since_s] * bool(self._awaited())
            due_s = min(heard, default=float("inf")) + self.lease_s - self._now_s()
            again_s = due_s + 0.001 if due_s >= 0 else RETRY_S  # after that moment, not at it
            return min(again_s, self.lease_s, EVERY_S if self._keys.shared else self.lease_s)

    def release(self) -> None:
        """Let all go that wait for a change, and none wait again."""
        self._view.topics.close()

    def close(self) -> None:
        """Release the waiting, and close the store; every later change raises Unavailable."""
        self.release()
        self._keys.close()
        if self._follower.is_alive():
            self._follower.join(BEHIND_S)

    def _change(self, decide: Callable[[], Plan]) -> Plan:
        """Commit what `decide` returns under the view's lock; decide again after a conflict."""
        self._fresh.check()
        tidy = True
        for _ in range(_TRIES):
            with self._view.reading():
                plan = decide()
                if not plan.write and not plan.happened:
                    return plan
                events = dump_events(plan.happened, self._now_s())
                # One at a time, or all that commit together would delete the same events.
                old = changes.room(self._view, self._limits) if tidy and not self._tidying else {}
                self._tidying = self._tidying or bool(old)
            try:
                revision = self._keys.commit(plan.compare, {**plan.write, **events, **old})
            except Conflict:
                # What was faster is on its way to here.
                self._view.await_applied(self._keys.read(STORE).revision, RETRY_S)
                continue
            except Unavailable:
                if not old:
                    raise
                tidy = False  # a sign of life must not wait for the disk
                continue
            finally:
                self._tidying = self._tidying and not old
            if not self._view.await_applied(revision, BEHIND_S):
                raise Unavailable("the state", "written, but not seen here yet", "try again")
            return plan.at(revision)
        raise Unavailable("the state", "something else changes it all the time", "try again")

    def _speak(
        self, node: str, said: Said, decide: Callable[[Mirror, str, Said, Terms], Plan]
    ) -> None:
        """Make the change of a node that speaks. Raises TwoMachines; it is said once."""

        def plan() -> Plan:
            timed_now = self._timed(node, said)._replace(silent_s=silent_s)
            return decide(self._view, node, timed_now, self.terms)

        try:
            with self._view.reading():
                silent_s = self._timed(node, said).silent_s
                if node in self._view.marked:
                    self._view.hear(node)  # also while the disk is busy
            self._enrol(node, said.running, plan)
        except TwoMachines as other:
            if self._refused.get(node) != said.boot:
                refused = answers.Happening(answers.NODE_REFUSED, node, node, str(other))
                self._change(lambda: Plan(happened=(refused,)))
                self._refused[node] = said.boot or ""
            raise

    def _timed(self, node: str, said: Said) -> Said:
        """Return `said` with what the server knows of it now. Raises TwoMachines."""
        said = timed(self._view, node, said, self._now_s(), self._fresh.since_s)
        if is_other(self._view.signs.get(node), said, partial(unheard_by, self._view, node)):
            raise TwoMachines(node, said.stored_s)
        return said._replace(known=node in self._earlier)

    def _enrol(self, node: str, running: Running, decide: Callable[[], Plan]) -> None:
        try:
            self._change(lambda: enrolment.enrol(self._view, self._limits, node, running, decide()))
        except Unavailable:
            if node in self._view.marked or node in self._view.forgotten:
                raise
            self._change(decide)  # its next beat tries again to remember it

    def _awaited(self) -> Set[str]:
        return (self._earlier & self._view.marked.keys()) - self._view.signs.keys()

    def _fall(self, name: str) -> Plan:
        return signs.fall(self._view, name, self._silent_s(name), self.lease_s)

    def _hold(self) -> Plan:
        silent_s = {node: self._silent_s(node) for node in self._view.heard_s}
        return signs.hold(self._view, self.terms, self._uptime_s(), silent_s)
