"""Write into the history which containers answer over HTTP, to a client on this computer."""

import json
import os
import select
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from subprocess import PIPE, Popen
from typing import Any

from lab import paths
from lab.history.history import Writer
from lab.host import netns, settings
from lab.host.speed import deadline_s
from lab.machines.choice import chosen
from lab.machines.provider import Address
from provisioning.topology import Topology
from services.core.catalogue import preferred_port
from services.core.errors import LabError
from services.core.fields import decode

# With KVM. What one answer takes of a node's processor, and how much of it they may take together.
# Where a machine is 19 times slower, 8 to 13 ms were measured.
_ANSWER_S, _SHARE = 0.0006, 0.02
# However few they are, and however fast the machine is: not more often, and with no less patience.
_EVERY_S, _PATIENCE_S = 0.25, 1.0
_PATIENT_S = 0.15
_LOOK_S = 0.1
# So many ports does a container try, from its preferred one on: services/workload/listen.py.
_TRIES = 100

Where = Callable[[str], Mapping[str, Sequence[str]]]
Order = dict[str, Any]


class Probes:
    """Asks every container that ran in this run: where it runs now, or else where it ran last.

    answered: (mode, node, container) -> whether the last question there was answered.
    """

    def __init__(
        self, topology: Topology, modes: Sequence[str], writer: Writer, where: Where
    ) -> None:
        """where: mode -> container -> the nodes where it runs now."""
        self._nodes = {node.name: node for node in topology.nodes}
        self._doors: dict[tuple[str, int], Address] = {}
        self._modes = modes
        self._writer = writer
        self._where = where
        self._spacing_s = deadline_s(_ANSWER_S) / _SHARE
        self._patience_s = max(_PATIENCE_S, deadline_s(_PATIENT_S))
        self.answered: dict[tuple[str, str, str], bool] = {}
        self._last: dict[tuple[str, str], Sequence[str]] = {}
        self._ordered: Order = {}

    def run(self, over: threading.Event) -> None:
        """Ask until `over` is set. Should the prober end before that, the history says why."""
        command = [sys.executable, "-S", "-E", "-m", "lab.history.prober"]
        with Popen(
            [*netns.prefix(settings.load().netns), *command],
            cwd=paths.ROOT,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            bufsize=0,
            # Ctrl-C is for the command, which closes the input at its end.
            start_new_session=True,
        ) as prober:
            why = ""
            try:
                self._follow(prober, over)
            except BrokenPipeError:
                pass  # its own last words say why
            except LabError as error:
                why = str(error)
            # It ends with its input, and also where it wants to write and cannot.
            for file in (prober.stdin, prober.stdout):
                if file:
                    file.close()
            why += prober.stderr.read().decode(errors="replace").strip() if prober.stderr else ""
        if not over.is_set():
            self._writer.put("note", text=f"no container is asked any more: {why[-200:]}")

    def _follow(self, prober: "Popen[bytes]", over: threading.Event) -> None:
        if prober.stdin is None or prober.stdout is None:
            return
        begun = b""
        while not over.is_set():
            order = self.order()
            if order != self._ordered:
                prober.stdin.write(f"{json.dumps(order)}\n".encode())
                self._state(order)
            if not select.select([prober.stdout], [], [], _LOOK_S)[0]:
                continue
            data = os.read(prober.stdout.fileno(), 65536)
            if not data:
                return
            *lines, begun = (begun + data).split(b"\n")
            for line in lines:
                self._write(*decode(line))

    def order(self) -> Order:
        """Return what to ask from now on, and how often."""
        loads: Counter[str] = Counter()
        for mode in self._modes:
            for name, nodes in self._where(mode).items():
                self._last[mode, name] = nodes
                loads.update(nodes)
        endpoints = [
            [mode, node, name, *self._door(node, preferred_port(mode, name))]
            for (mode, name), nodes in self._last.items()
            for node in nodes
        ]
        # Where each port has a door of its own, the port beside the door is no container's.
        direct = all(door.port == port for (_, port), door in self._doors.items())
        return {
            "every_s": max(_EVERY_S, max(loads.values(), default=0) * self._spacing_s),
            "patience_s": self._patience_s,
            "tries": _TRIES if direct else 1,
            "endpoints": endpoints,
        }

    def _door(self, node: str, port: int) -> Address:
        """Where `port` of `node` is reached; asked for once, as it costs a question."""
        key = (node, port)
        if key not in self._doors:
            self._doors[key] = chosen().lab_address(self._nodes[node], port)
        return self._doors[key]

    def _state(self, order: Order) -> None:
        """Write how often containers are asked from now on, if that has changed."""
        rate = {key: order[key] for key in ("every_s", "patience_s")}
        if not rate.items() <= self._ordered.items():
            self._writer.put("rate", **rate)
        self._ordered = order

    def _write(
        self, mode: str, node: str, name: str, asked_s: float, ended_s: float, why: str
    ) -> None:
        self.answered[mode, node, name] = not why
        self._writer.put(
            "asked",
            at_s=ended_s - self._writer.began_s,
            mode=mode,
            node=node,
            name=name,
            asked_s=round(asked_s - self._writer.began_s, 4),
            ok=not why,
            error=why,
        )
