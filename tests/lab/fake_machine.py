"""One VM of a lab without VMs: what it would answer over SSH, see tests/lab/doubles.py."""

import json
import re
import shlex
import time
from collections import Counter
from fnmatch import fnmatch

from lab.faults.state import MARKS
from lab.faults.traces import LOOK
from lab.machines.units import FAKE, container_unit
from services.core.errors import CommandFailed, NodeUnreachable


class FakeMachine:
    """One VM: its power, its units, its files. Understands the commands that `lab` sends."""

    def __init__(self, name, units=()):
        self.name = name
        self.state = "running"
        self.hangs = False
        self.units = dict(units)
        self.starts: Counter[str] = Counter()
        # A mode that is on is so on every machine.
        self.enabled = {"push.target", "pull.target"}
        self.kill_misses = False
        self.marks = set()
        # What a look for traces finds beside marks: lines of `kind name`.
        self.traces = []
        self.ahead_s = 0.0
        self.journal = []
        self.commands = []

    def run(self, argv):
        self.commands.append(list(argv))
        if self.hangs or self.state != "running":
            raise NodeUnreachable(self.name, 5)
        tool = argv[0]
        if tool == "systemctl":
            return self._systemctl(argv[1], [word for word in argv[2:] if not word.startswith("-")])
        if tool == "mkdir":
            self.marks |= set(argv[2:])
        elif tool == "rm":
            self.marks -= set(argv)
            self._forget(f"file {argv[-1]}")
        elif tool == "nft":
            self._forget(f"table {argv[-1]}")
        elif tool == "tc":
            self._forget(f"queue {argv[-2]}")
        elif tool == "sh":
            return self._shell(argv[2])
        elif tool == "find":
            return self._find(argv)
        elif tool == "journalctl":
            return "-- cursor: s=1\n" if "--show-cursor" in argv else self._journal(argv)
        elif tool == "printf":
            return argv[1].replace("\\f", "\f")
        elif tool == "date":
            return f"{time.time() + self.ahead_s}"
        elif tool == "cat":
            return "LAB_PROFILE=fast\nLAB_API=10.77.0.10:8081\n"
        return ""

    def _forget(self, trace):
        self.traces = [one for one in self.traces if one != trace]

    def _shell(self, script):
        """A look for traces, or commands of which those count that are known; all end with 0."""
        if script == LOOK:
            return self._look()
        said = ""
        for command in re.split(r" (?:\|\||&&) |; ", script):
            words = command.split()
            if words and words[0] in (
                "systemctl",
                "rm",
                "nft",
                "tc",
                "date",
                "journalctl",
                "printf",
            ):
                said += self.run(shlex.split(command)) or ""
        return said

    def _look(self):
        marks = [mark.removeprefix(f"{MARKS}/") for mark in sorted(self.marks)]
        lines = [f"mark {mark}" for mark in marks if "/" in mark] + self.traces
        fake = container_unit("push", FAKE)
        lines += [f"unit {fake}"] if self.units.get(fake) == "active" else []
        return "".join(f"{line}\n" for line in lines)

    def _find(self, argv):
        folder = argv[1]
        below = sorted(mark for mark in self.marks if mark.startswith(f"{folder}/"))
        if folder in ("/", "/run") or not below:
            raise CommandFailed(self.name, "find", 1, "find: No such file or directory")
        return "".join(f"{mark.removeprefix(folder + '/')}\n" for mark in below)

    def _journal(self, argv):
        """The lines of `journal`, pairs of unit and text; none of a unit that it does not name."""
        names = {word.removeprefix("--unit=") for word in argv if word.startswith("--unit=")}
        found = [(unit, text) for unit, text in self.journal if unit in names]
        if "--output=json" not in argv:
            return "".join(f"{text}\n" for _, text in found)
        fields = ("__REALTIME_TIMESTAMP", "__CURSOR", "_SYSTEMD_UNIT", "MESSAGE")
        at_us = 1_700_000_000_000_000 + 1000 * int(self.name[-1] if self.name != "api" else 0)
        return "".join(
            json.dumps(dict(zip(fields, (str(at_us + 10_000 * i), f"c{i}", *one), strict=True)))
            + "\n"
            for i, one in enumerate(found)
        )

    def _systemctl(self, verb, units):
        if verb == "list-units":
            return "".join(
                f"{name} loaded {active} running Something with words\n"
                for name, active in sorted(self.units.items())
                if any(fnmatch(name, pattern) for pattern in units)
            )
        if verb == "show":
            return "\n".join(
                f"Id={name}\nActiveState={self.units.get(name, 'inactive')}\n"
                f"InvocationID={self.starts[name]}\n"
                f"UnitFileState={'enabled' if name in self.enabled else 'static'}\n"
                for name in units
            )
        for name in units:
            if verb == "start" and self.units.get(name) != "active":
                self.units[name] = "active"
                self.starts[name] += 1
            elif verb == "stop":
                self.units.pop(name, None)
            elif verb == "kill" and name in self.units and not self.kill_misses:
                self.units[name] = "failed"
        return ""
