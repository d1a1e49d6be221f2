"""All nodes at once: each asked in threads of its own, none waited for longer than allowed."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait

from services.core.errors import LabError, NodeUnreachable
from services.core.model import Container
from services.push import commands
from services.push.commands import Places
from services.push.errors import NodeBusy
from services.push.inventory import Inventory, Limits, Target
from services.push.lane import Lane
from services.push.protocol import Sight
from services.push.runner import Session

_log = logging.getLogger(__name__)

# (node, what it ended with or None, seconds): told of every command over SSH.
Timed = Callable[[str, BaseException | None, float], None]


class Fleet:
    """The Runner over SSH.

    Two connections to each node, each in its own thread: a start that takes long must not
    make its node look unreachable to whoever asks what runs there.
    """

    def __init__(
        self,
        inventory: Inventory,
        limits: Limits,
        places: Places | None = None,
        *,
        timed: Timed = lambda *_: None,
    ) -> None:
        """timed: called in the threads of the connections."""
        self.names = tuple(target.name for target in inventory.targets)
        self._limits = limits
        self._places = places or Places()
        self._asking = _wires("ask", inventory, limits, timed)
        self._acting = _wires("act", inventory, limits, timed)

    def warm_up(self) -> None:
        """Begin to log in everywhere and return at once: the first order need not wait for it."""
        for wire in (*self._asking.values(), *self._acting.values()):
            wire.lane.submit(wire.open)

    def running(self, nodes: Sequence[str]) -> Sight:
        """Ask `nodes`, all at once, within one deadline for all of them."""
        argv = commands.list_running(self._places)
        limit_s = self._limits.answer_s
        futures = {node: self._asking[node].run("list", argv, limit_s) for node in nodes}
        wait(futures.values(), timeout=limit_s)
        for future in futures.values():
            future.cancel()  # what had no turn yet; nobody waits for it any more
        return {node: self._sight(node, future) for node, future in futures.items()}

    def start(self, node: str, container: Container) -> bool:
        """Start `container` on `node`."""
        argv = commands.start(container, self._places, self._limits.command_s)
        return self._act(node, f"start {container.name}", argv)

    def stop(self, node: str, name: str) -> bool:
        """Stop container `name` on `node`."""
        argv = commands.stop(name, self._limits.command_s)
        return self._act(node, f"stop {name}", argv)

    def _act(self, node: str, what: str, argv: Sequence[str]) -> bool:
        # The node ends the command itself and says so; ours is for a node that says nothing.
        limit_s = self._limits.command_s + self._limits.answer_s
        future = self._acting[node].run(what, argv, limit_s)
        wait([future], timeout=self._limits.turn_s)
        if future.cancel():
            raise NodeBusy(node, self._limits.turn_s)
        # By then the session has given up, or has not begun and will not.
        deadline_s = self._limits.answer_s + limit_s
        wait([future], timeout=deadline_s)
        if not future.done():
            raise NodeUnreachable(node, deadline_s)
        return commands.read_done(future.result())

    def _sight(self, node: str, future: Future[str]) -> tuple[str, ...] | LabError:
        if future.cancelled() or not future.done():
            return NodeUnreachable(node, self._limits.answer_s)
        error = future.exception()
        if error is None:
            return commands.read_list(future.result())
        if isinstance(error, LabError):
            return error
        _log.error("%s: %r", node, error, exc_info=error, extra={"node": node})
        return NodeUnreachable(node, self._limits.answer_s, type(error).__name__)


class _Wire:
    """A session and the one thread that may use it."""

    def __init__(
        self, purpose: str, target: Target, inventory: Inventory, limits: Limits, timed: Timed
    ) -> None:
        self._session = Session(target, inventory, limits)
        self._node = target.name
        self._timed = timed
        self._patience_s = limits.answer_s
        self.lane: Lane[str] = Lane(f"{purpose} {target.name}")

    def run(self, what: str, argv: Sequence[str], timeout_s: float) -> Future[str]:
        """Begin to run it; what has its turn and then no connection soon is not run at all."""

        def job() -> str:
            began_s = time.monotonic()
            start_by_s = began_s + self._patience_s
            ended: BaseException | None = None
            try:
                return self._session.run(what, argv, timeout_s=timeout_s, start_by_s=start_by_s)
            except BaseException as error:
                ended = error
                raise
            finally:
                self._timed(self._node, ended, time.monotonic() - began_s)

        return self.lane.submit(job)

    def open(self) -> str:
        self._session.open()
        return ""


def _wires(purpose: str, inventory: Inventory, limits: Limits, timed: Timed) -> Mapping[str, _Wire]:
    return {
        target.name: _Wire(purpose, target, inventory, limits, timed)
        for target in inventory.targets
    }
