"""Follow the recorder of a machine, and write into the history what it says, on our clock."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from subprocess import Popen
from typing import Any

from lab.history.clock import Bounds
from lab.history.history import Writer
from lab.history.machines import States
from lab.host.speed import deadline_s
from lab.machines import remote
from provisioning.topology import Machine
from services.core.fields import decode

# services.recorder's own.
PORT = 77
MODES = ("push", "pull")
_PING_S = 1.0
_AGAIN_S = 0.5
# A machine that says nothing for so long is asked again over another connection.
_SILENT_S = 3.0
# Not more often is the clock's offset written down again.
_CLOCK_EVERY_S = 10.0

Line = dict[str, Any]


class Follower:
    """Follows one machine for a run. latest: what it ran by its last record, for those who
    cannot wait for the history; it says nothing about whether the machine still runs.
    """

    def __init__(self, machine: Machine, writer: Writer, states: States) -> None:
        self.machine = machine
        self.latest: Line = {}
        self._states = states
        self._writer = writer
        # Which recorder: boot and number of the process; nothing before the first answer.
        self._who: tuple[str, int] | None = None
        self._number = 0
        self._bounds: Bounds | None = None
        self._pending: list[Line] = []
        self._said: dict[str, list[str]] = {}
        self.until_s = 0.0
        self._clock_s = -_CLOCK_EVERY_S

    def run(self, over: threading.Event) -> None:
        """Follow until `over` is set. A machine that is off, or stands still, is waited for."""
        while not over.wait(_AGAIN_S):
            # A connection that is begun too early would be tried again only after seconds.
            if self._states.latest.get(self.machine.name) != "running":
                # After a boot it says what runs then.
                self.latest = {}
                continue
            with remote.channel(self.machine, PORT) as ssh, suppress(OSError, ValueError, KeyError):
                self._follow(ssh, over)
            self._pending.clear()

    def _follow(self, ssh: Popen[bytes], over: threading.Event) -> None:
        lines = _lines(ssh, deadline_s(_SILENT_S), lambda: self._ping(ssh))
        hello = next(lines, None)
        if hello is None:
            return
        self._welcome(hello)
        _say(ssh, f"after {self._number}")
        self._ping(ssh)
        for line in lines:
            if over.is_set():
                return
            if "pong" in line:
                self._place(float(line["pong"][0]), line)
            else:
                self.latest = line
                self._pending.append(line)

    def _ping(self, ssh: Popen[bytes]) -> None:
        _say(ssh, f"ping {self._writer.now_s():.6f}")

    def _welcome(self, hello: Line) -> None:
        """Take note of which recorder it is, and of what cannot be known any more."""
        who = (str(hello["boot"]), int(hello["instance"]))
        before, self._who = self._who, who
        if before == who:
            if int(hello["oldest"]) > self._number + 1:
                self._lost("more happened than its recorder remembers")
            return
        self._number = 0
        self._said.clear()
        if before is None:
            # What ran before the run does not matter, only what runs as it begins.
            self._number = int(hello["newest"]) - 1
            return
        if before[0] != who[0]:
            self._bounds = None
        if before[0] != who[0] and who[1] == 1:
            # It begins before all that it records: since the boot nothing else has run.
            self._pending.append({"number": 0, "at_s": 0.0, "push": [], "pull": [], "units": []})
        else:
            self._lost("its recorder ended and was started again")

    def _lost(self, why: str) -> None:
        self._writer.put("lost", machine=self.machine.name, why=why, from_s=self.until_s)
        self._said.clear()

    def _place(self, asked_s: float, pong: Line) -> None:
        """Write what came since the last answer: only now is it known how wrong its times are."""
        now_s, guest_s = self._writer.now_s(), float(pong["now_s"])
        later = Bounds.measured(asked_s, guest_s, now_s)
        before = self._bounds or later
        for line in self._pending:
            self._number = max(self._number, int(line["number"]))
            at_s = float(line["at_s"])
            bounds = later if self._afterwards(at_s + before.low_s) else before.until(later)
            self._write(line, at_s + bounds.offset_s, bounds.error_s)
        self._pending.clear()
        self._bounds = later
        self.until_s = guest_s + later.low_s
        name = self.machine.name
        self._writer.put("looked", machine=name, until_s=round(self.until_s, 4), boot=self._boot)
        if now_s - self._clock_s >= _CLOCK_EVERY_S:
            self._clock_s = now_s
            put, offset_s = self._writer.put, round(later.offset_s, 4)
            put("clock", error_s=later.error_s, machine=name, offset_s=offset_s)

    def _afterwards(self, at_s: float) -> bool:
        """Whether what happened at `at_s`, had the machine not stood still, was after it had.

        Its clock stood still as well, so it would have been while it stood still.
        """
        paused_s = self._states.paused_s.get(self.machine.name, float("-inf"))
        return self.until_s <= paused_s < at_s

    @property
    def _boot(self) -> str:
        return self._who[0] if self._who else ""

    def _write(self, line: Line, at_s: float, error_s: float) -> None:
        name = self.machine.name
        for key in MODES if self.machine.role == "node" else ():
            if self._changed(key, line):
                named = {"node": name, "mode": key, "containers": line[key]}
                self._writer.put("runs", at_s=at_s, error_s=error_s, **named)
        if self._changed("units", line):
            units = {"machine": name, "units": line["units"]}
            self._writer.put("units", at_s=at_s, error_s=error_s, **units)

    def _changed(self, key: str, line: Line) -> bool:
        changed: bool = self._said.get(key) != line[key]
        self._said[key] = line[key]
        return changed


def _say(ssh: Popen[bytes], text: str) -> None:
    if ssh.stdin:
        ssh.stdin.write(f"{text}\n".encode())


def _lines(ssh: Popen[bytes], silent_s: float, ping: Callable[[], None]) -> Iterator[Line]:
    """Yield each line that comes, decoded; `ping` each _PING_S. A silence of `silent_s` ends it."""
    if ssh.stdout is None:
        return
    begun = b""
    heard_s = pinged_s = time.monotonic()
    welcomed = False
    while time.monotonic() - heard_s < silent_s:
        if welcomed and time.monotonic() - pinged_s >= _PING_S:
            pinged_s = time.monotonic()
            ping()
        if not select.select([ssh.stdout], [], [], _PING_S / 4)[0]:
            continue
        data = os.read(ssh.stdout.fileno(), 65536)
        if not data:
            return
        heard_s, welcomed = time.monotonic(), True
        *whole, begun = (begun + data).split(b"\n")
        for line in whole:
            yield decode(line)
