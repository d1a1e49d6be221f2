"""Keep the guests still around a freeze, and set their clocks after it: the host's side.

A guest that went on with the clock of the day on which it was saved would write that into events
and logs. See services/hold.py for what happens inside.
"""

import secrets
import shlex
import subprocess
import sys
from collections.abc import Sequence

from lab import paths, remote
from lab.host import netns, settings
from lab.speed import deadline_s
from provisioning.topology import Machine
from services.core.errors import LabError

# On the management network, which the faults leave alone.
PORT = 7979
_START_S = 10.0
_ANSWER_S = 2.0
_UNIT = "lab-hold.service"


class NotHeld(LabError):
    """Machines that did not keep still."""

    def __init__(self, silent: list[str]) -> None:
        super().__init__(
            f"no answer from {', '.join(silent)}: cannot be frozen",
            hint="what is with them? lab status; lab heal mends what chaos did",
        )
        self.silent = silent


class Hold:
    """One hold on `machines`: start, arm, (pause, save, resume), go."""

    def __init__(self, machines: Sequence[Machine], secret: str = "") -> None:
        self.machines = tuple(machines)
        self.secret = secret or secrets.token_hex(16)

    def start(self) -> None:
        """Start the guests' side on every machine; they go on working until `arm`."""
        commands = {machine.name: self._words(machine) for machine in self.machines}
        remote.run_each(self.machines, commands, timeout_s=deadline_s(_START_S))

    def arm(self) -> None:
        """Return once every machine keeps still; pause them at once. Raises NotHeld."""
        with self._call("arm") as call:
            silent = self.gone(call)
        if silent:
            raise NotHeld(silent)

    def going(self) -> "subprocess.Popen[str]":
        """Begin to tell every machine the time and to go on; `gone` waits for that."""
        return self._call("go")

    def gone(self, call: "subprocess.Popen[str]") -> list[str]:
        """Return the machines that did not answer; those take the time from their own clock."""
        silent = call.communicate()[0].split()
        return [machine.name for machine in self.machines if machine.management in silent]

    def _words(self, machine: Machine) -> list[str]:
        run = ["systemd-run", "--quiet", "--collect", f"--unit={_UNIT}"]
        run += ["--property=WorkingDirectory=/opt/lab", "/usr/bin/python3", "-S", "-E", "-m"]
        run += ["services.hold", self.secret, machine.management, str(PORT)]
        words = shlex.join(run)
        # One that a killed freeze left waiting would hold the name and the port.
        return ["sh", "-c", f"{words} || {{ systemctl stop {_UNIT}; {words}; }}"]

    def _call(self, word: str) -> "subprocess.Popen[str]":
        space = settings.load().netns
        addresses = [machine.management for machine in self.machines]
        timeout_s = f"{deadline_s(_ANSWER_S):g}"
        return subprocess.Popen(
            # -S -E: it needs nothing but the standard library, and the machines wait for it.
            [*netns.prefix(space), sys.executable, "-S", "-E", "-m", "lab.frozen.call"]
            + [self.secret, word]
            + [str(PORT), timeout_s, *addresses],
            cwd=paths.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
