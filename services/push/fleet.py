"""All nodes at once: each has threads of its own, and every wait is bounded."""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from services.core.errors import LabError, NodeUnreachable
from services.core.model import Container
from services.push import commands
from services.push.commands import Command, NodeListing, Places
from services.push.errors import NodeBusy
from services.push.inventory import Inventory, NodeLimits, Target
from services.push.push import Sight
from services.push.session import Session

_log = logging.getLogger(__name__)

# (node, what it ended with or None, seconds): called after every command over SSH.
Timed = Callable[[str, BaseException | None, float], None]
# Carries out several requests of one kind with one command; returns a result, or an error, each.
Act = Callable[[Sequence[Any]], Sequence[Any]]
# How many containers one command starts or stops. They share the command's limit.
TOGETHER = 16


class Fleet:
    """The Runner over SSH.

    Two connections to each node, each in its own thread: a start that takes long must not
    make its node look unreachable to a client that asks what runs there.
    """

    def __init__(
        self,
        inventory: Inventory,
        limits: NodeLimits,
        places: Places | None = None,
        *,
        timed: Timed = lambda *_: None,
    ) -> None:
        """timed: called in the threads of the connections."""
        self.names = tuple(target.name for target in inventory.targets)
        self._limits = limits

        def connections(purpose: str) -> Mapping[str, _Connection]:
            return {
                target.name: _Connection(
                    purpose, target, inventory, limits, places or Places(), timed
                )
                for target in inventory.targets
            }

        self._asking = connections("ask")
        self._acting = connections("act")

    def warm_up(self) -> None:
        """Begin to log in everywhere and return at once: the first order need not wait for it."""
        for connection in (*self._asking.values(), *self._acting.values()):
            connection.submit(connection.log_in, None)

    def look(self, nodes: Sequence[str]) -> Sight:
        """Ask `nodes`, all at once, within one deadline for all of them."""
        futures = {node: self._asking[node].submit(self._asking[node].look, None) for node in nodes}
        wait(futures.values(), timeout=self._limits.answer_s)
        for future in futures.values():
            future.cancel()  # it had no turn yet, and its client stops waiting now
        return {node: self._sight(node, future) for node, future in futures.items()}

    def start(self, node: str, container: Container) -> bool:
        """Start `container` on `node`."""
        return self._act(node, self._acting[node].start, container)

    def stop(self, node: str, name: str) -> bool:
        """Stop container `name` on `node`."""
        return self._act(node, self._acting[node].stop, name)

    def _act(self, node: str, act: Act, subject: object) -> bool:
        future = self._acting[node].submit(act, subject)
        wait([future], timeout=self._limits.turn_s)
        if future.cancel():
            raise NodeBusy(node, self._limits.turn_s)
        # By then the session has given up, or has not begun and will not.
        deadline_s = self._limits.answer_s + self._limits.order_s
        wait([future], timeout=deadline_s)
        if not future.done():
            raise NodeUnreachable(node, deadline_s)
        return bool(future.result())

    def _sight(self, node: str, future: Future[Any]) -> NodeListing | LabError:
        if future.cancelled() or not future.done():
            return NodeUnreachable(node, self._limits.answer_s)
        error = future.exception()
        if error is None:
            return NodeListing(*future.result())
        if isinstance(error, LabError):
            return error
        _log.error("%s: %r", node, error, exc_info=error, extra={"node": node})
        return NodeUnreachable(node, self._limits.answer_s, type(error).__name__)


class _Request(NamedTuple):
    act: Act
    subject: Any
    future: Future[Any]


class _Connection:
    """A session and the one thread that may use it.

    Carries out requests in their order. Requests of one kind that wait in a row become one
    command: a login shell, sh and systemctl for each would cost a node more than its containers.
    So also many clients that look at once share a look, which begins after the last of them came.
    Not a ThreadPoolExecutor: Python waits for its threads before it exits, and ours may be waiting
    for a node that is gone.
    """

    def __init__(
        self,
        purpose: str,
        target: Target,
        inventory: Inventory,
        limits: NodeLimits,
        places: Places,
        timed: Timed,
    ) -> None:
        self._session = Session(target, inventory, limits)
        self._node = target.name
        self._limits = limits
        self._places = places
        self._timed = timed
        self._queue: deque[_Request] = deque()
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name=f"{purpose} {target.name}", daemon=True).start()

    def submit(self, act: Act, subject: object) -> Future[Any]:
        """Return the future of one request. `cancel()` works until its command begins."""
        request = _Request(act, subject, Future())
        with self._changed:
            self._queue.append(request)
            self._changed.notify()
        return request.future

    def log_in(self, subjects: Sequence[None]) -> Sequence[None]:
        """Log in, so that the next command need not."""
        self._session.open()
        return subjects

    def look(self, subjects: Sequence[None]) -> Sequence[NodeListing]:
        """List what is on the node, once for all `subjects`."""
        command = commands.list_containers(self._places)
        listing = commands.read_listing(self._run("list", command, self._limits.answer_s))
        return [listing] * len(subjects)

    def start(self, containers: Sequence[Container]) -> Sequence[Any]:
        """Start `containers` together; the answers come when all of them serve or have failed."""
        names = [container.name for container in containers]
        command = commands.start(containers, self._places, self._limits.command_s)
        return self._order("start", command, names)

    def stop(self, names: Sequence[str]) -> Sequence[Any]:
        """Stop the containers `names` together."""
        command = commands.stop(names, self._places, self._limits.command_s)
        return self._order("stop", command, names)

    def _order(self, verb: str, command: Command, names: Sequence[str]) -> Sequence[Any]:
        output = self._run(f"{verb} {' '.join(names)}", command, self._limits.order_s)
        outcomes = commands.read_outcomes(output, self._node, verb, names)
        return [outcomes[name] for name in names]

    def _run(self, what: str, command: Command, timeout_s: float) -> str:
        began_s = time.monotonic()
        start_by_s = began_s + self._limits.answer_s
        error: BaseException | None = None
        try:
            return self._session.run(what, command, timeout_s=timeout_s, start_by_s=start_by_s)
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._timed(self._node, error, time.monotonic() - began_s)

    def _work(self) -> None:
        while True:
            batch = self._next_batch()
            try:
                results = batch[0].act([request.subject for request in batch])
            except BaseException as error:  # as an executor does: the callers get it
                results = [error] * len(batch)
            for request, result in zip(batch, results, strict=True):
                if isinstance(result, BaseException):
                    request.future.set_exception(result)
                else:
                    request.future.set_result(result)

    def _next_batch(self) -> list[_Request]:
        """Wait for requests; take the first one and those of its kind behind it."""
        batch: list[_Request] = []
        while not batch:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                act = self._queue[0].act
                # One look answers any number of requests.
                most = sys.maxsize if act == self.look else TOGETHER
                while self._queue and self._queue[0].act == act and len(batch) < most:
                    request = self._queue.popleft()
                    if request.future.set_running_or_notify_cancel():
                        batch.append(request)
        return batch
