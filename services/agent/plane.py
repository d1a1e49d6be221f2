"""The state server as this node sees it, and what it last said, for when it cannot be asked."""

import os
import time
from collections.abc import Callable

from services.agent.tick import Observed
from services.core import wire
from services.core.address import Address
from services.core.errors import ApiRefused, ApiUnreachable, LabError
from services.core.follow import Answer, objection
from services.core.model import Assignment
from services.core.names import is_label
from services.durable import DurableFile
from services.plain_http import request


class Plane:
    """Asks the state server at `address` for `node`; keeps its answers in `directory`.

    timeout_s: bound of one HTTP exchange. complain: takes one line for the journal.
    """

    def __init__(
        self,
        node: str,
        address: Address,
        directory: str,
        *,
        timeout_s: float,
        complain: Callable[[str], None],
    ) -> None:
        self._node = node
        self._address = address
        self._timeout_s = timeout_s
        self._complain = complain
        self._file = DurableFile(f"{directory}/desired.json")
        self._kept: Assignment | None = None
        self._reachable = True

    def ask(self, observed: Observed) -> Answer:
        """Report `observed` and return what this node must run: as said now, or else as kept."""
        self._kept = self._load()
        try:
            answer = self._exchange(observed)
        except ApiUnreachable:
            self._reachable = False
            return self._local("API unreachable")
        except ApiRefused as error:
            return self._local(f"API answered {error.status}: {error.error}")
        except LabError as error:  # the shape of the answer, or a name or image in it
            return self._local(f"API answered nonsense: {error}")
        reason = objection(self._kept, answer)
        if reason:
            return self._local(reason)
        self._keep(answer)
        return Answer(answer)

    def report(self, observed: Observed) -> None:
        """Report once more, unless nobody answered a moment ago."""
        if self._reachable:
            try:
                self._beat(observed)
            except LabError as error:
                self._complain(f"not reported: {error}")

    def _exchange(self, observed: Observed) -> Assignment:
        """One request where the server sends the assignment along, else a second one for it."""
        answer = wire.load_beat(self._beat(observed))
        if answer is not None:
            return answer
        return wire.load_assignment(self._request("GET", f"/api/containers?node={self._node}"))

    def _beat(self, observed: Observed) -> object:
        # Whatever hand started it is stopped, but only a label can be spoken of.
        running = {name: state for name, state in observed.items() if is_label(name)}
        report = wire.Report(running, self._kept.revision if self._kept else 0)
        path = f"/api/nodes/{self._node}/heartbeat"
        return self._request("POST", path, wire.dump_report(report))

    def _request(self, method: str, path: str, body: object = None) -> object:
        return request(method, self._address, path, body, timeout_s=self._timeout_s)

    def _load(self) -> Assignment | None:
        try:
            loaded = self._file.load()
            if loaded.problem:
                self._complain(f"local state: {loaded.problem}")
            return None if loaded.document is None else wire.load_assignment(loaded.document)
        except LabError as error:
            # Also a kept image that the catalogue lost: the server will say it anew.
            self._complain(f"no local state: {error}")
            return None

    def _keep(self, answer: Assignment) -> None:
        try:
            if answer != self._kept:
                self._file.save(wire.dump_assignment(answer))
            else:
                os.utime(self._file.path)  # still true now: what an outage later refers to
        except (LabError, OSError) as error:
            self._complain(f"cannot remember what to run: {error}")
        self._kept = answer

    def _local(self, outage: str) -> Answer:
        if self._kept is None:
            return Answer(None, outage)
        return Answer(self._kept, outage, self._since())

    def _since(self) -> str:
        for path in (self._file.path, self._file.previous):
            try:
                return time.strftime("%H:%M:%S", time.localtime(os.stat(path).st_mtime))
            except FileNotFoundError:
                continue
        return "an unknown time"
