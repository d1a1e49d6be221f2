"""Record one run: everything that looks at the lab, started together and ended together."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

from lab import waiting
from lab.history import claims
from lab.history.claims import Claims
from lab.history.guests import Follower
from lab.history.history import Writer
from lab.history.machines import States
from lab.history.probes import Probes
from lab.history.traffic import Traffic
from lab.planes import client
from provisioning.run import ToolFailed
from provisioning.topology import Topology

# No thread waits longer than one question takes; a machine that hangs must not hang the run.
_END_S = 5.0


class Recording:
    """What is recorded now, for those who act on it while it happens."""

    def __init__(self, topology: Topology, modes: Sequence[str], writer: Writer) -> None:
        push, pull = client.connect(topology)
        ask = {"push": partial(claims.push, push), "pull": partial(claims.pull, pull)}
        self.topology = topology
        self.modes = tuple(modes)
        self.writer = writer
        self.states = States(topology, writer)
        self.claims = {mode: Claims(mode, ask[mode], writer) for mode in modes}
        self.followers = {m.name: Follower(m, writer, self.states) for m in topology.machines}
        turn = self.claims["push"].turn if "push" in modes else nullcontext()
        self.traffic = Traffic(topology, modes, writer, turn)
        self.probes = Probes(topology, modes, writer, self.where)
        self._loops: list[Callable[[threading.Event], None]] = [
            self.states.run,
            *(one.run for one in self.claims.values()),
            *(one.run for one in self.followers.values()),
            self.probes.run,
        ]
        # It waits for an event for seconds, and what it hears after the end is not written.
        self._unawaited = [partial(claims.follow_events, pull, writer)] if "pull" in modes else []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record for the length of the block."""
        with suppress(ToolFailed):
            self.states.look()
        with (
            waiting.beside(self._unawaited, end_s=0),
            waiting.beside(self._loops, end_s=_END_S),
        ):
            yield

    def hurry(self) -> None:
        """Have both APIs asked at once."""
        for one in self.claims.values():
            one.hurry()

    def where(self, mode: str) -> Mapping[str, tuple[str, ...]]:
        """Return container -> the nodes where it has a process now, by what is known by now."""
        found: dict[str, tuple[str, ...]] = {}
        for node in self.topology.nodes:
            runs = self.states.latest.get(node.name) == "running"
            for name in self.followers[node.name].latest.get(mode, ()) if runs else ():
                found[name] = (*found.get(name, ()), node.name)
        return found
