"""Make the guests stand still around a freeze, and set their clocks after it: the host's side.

A guest that went on with the clock of the day on which it was saved would write that into events
and logs. See services/lib/standstill.py for what happens inside.
"""

import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from lab import paths
from lab.host import netns, settings
from lab.host.speed import deadline_s
from lab.machines import clocks, remote, units
from lab.machines.choice import chosen
from provisioning.topology import Machine
from services.core.errors import LabError, NodeUnreachable

# On the management network, which the faults leave alone.
PORT = 7979
# A login and the start of a small program; what takes longer than _PATIENCE_S is printed.
_START_S = 1.5
_PATIENCE_S = 2.0
# A guest that listens answers at once. Both stay below services.lib.standstill.HOLD_S, which is
# counted in the guest and knows no slowness: the guest that was armed first must still wait at
# the end.
_ARM_S = 2.0
_STILL_S = 2.8
# By then a guest that heard nothing has long gone on by itself.
_GO_S = 6.0
# A machine that misses the last word renews its lease unasked: harmless, not worth waiting for.
_LAST_S = 0.5
_ASK_S = 5.0
_UNIT = "lab-standstill.service"


class Pause:
    """One pause of `machines`: start, arm, (suspend, check_still, save, resume), go, stay or renew.

    secret: that of machines which were saved while they stood still.
    """

    def __init__(self, machines: Sequence[Machine], secret: str = "") -> None:
        self.machines = tuple(machines)
        self.secret = secret or secrets.token_hex(16)
        self._armed = self.machines if secret else ()
        self._armed_at_s = 0.0

    def start(self, say: Callable[[str], None]) -> None:
        """Start the guests' side on every machine; they go on working until `arm`.

        Returns once all of them listen. Raises LabError; says before for which machines it waits.
        """
        limit_s = deadline_s(_START_S)
        with ThreadPoolExecutor(max(1, len(self.machines))) as pool:
            begun = {
                machine.name: pool.submit(
                    remote.run_all, [machine], self._words(machine), timeout_s=limit_s
                )
                for machine in self.machines
            }
            wait(begun.values(), timeout=_PATIENCE_S)
            late = [name for name, future in begun.items() if not future.done()]
            if late:
                say(f"waiting for {', '.join(late)}, {limit_s:.0f} s at most")
        results = {name: future.result()[name] for name, future in begun.items()}
        silent = [name for name, said in results.items() if isinstance(said, NodeUnreachable)]
        if silent:
            raise _no_answer(silent, limit_s)
        for said in results.values():
            if isinstance(said, LabError):
                raise said

    def arm(self) -> None:
        """Return once every machine stands still; suspend them at once then. Raises LabError."""
        # Also after an interruption, a machine that may be armed is asked to go on.
        self._armed, self._armed_at_s = self.machines, time.monotonic()
        with self._call("arm", _ARM_S) as call:
            silent = self._silent(call)
        self._armed = tuple(m for m in self.machines if m.name not in silent)
        if silent:
            raise _no_answer(silent, _ARM_S)

    def check_still(self) -> None:
        """Raise LabError unless the machines, suspended now, all stood still until then."""
        took_s = time.monotonic() - self._armed_at_s
        if took_s > _STILL_S:
            raise LabError(
                f"this host took {took_s:.1f} s to pause the machines; they stand still for "
                f"{_STILL_S:g} s",
                hint="try again when it has less to do: uptime",
            )

    def going(self) -> "subprocess.Popen[str]":
        """Begin to send every machine the time and the word to go on; `gone` waits for that."""
        return self._call("go", _GO_S)

    def gone(self, call: "subprocess.Popen[str]") -> list[str]:
        """Return the machines that did not answer; those take the time from their own clock."""
        return self._silent(call)

    def stay(self) -> None:
        """Say to the machines, which go on, that the pause was short: all is as it was."""
        self._last("stay")

    def renew(self) -> None:
        """Say to the machines, which go on, that they should ask for their addresses again."""
        self._last("renew")

    def _last(self, word: str) -> None:
        with self._call(word, _LAST_S) as call:
            self._silent(call)

    def _silent(self, call: "subprocess.Popen[str]") -> list[str]:
        """The machines that did not answer; all of them where the call failed and names none."""
        silent = call.communicate()[0].split()
        failed = call.returncode != 0 and not silent
        return [m.name for m in self._armed if failed or _door(m) in silent]

    def _words(self, machine: Machine) -> list[str]:
        run = ["systemd-run", "--quiet", "--collect", f"--unit={_UNIT}", "--service-type=notify"]
        run += ["--property=WorkingDirectory=/opt/lab", "/usr/bin/python3", "-S", "-E", "-m"]
        run += ["services.lib.standstill", self.secret, machine.management, str(PORT)]
        words = shlex.join(run)
        # A pass that is about to end would be followed by a new process right after a thaw, while
        # users wait for the APIs. One that has just begun watches for 10 s.
        begin = shlex.join(["systemctl", "--no-block", "try-restart", *units.PASSES])
        # One that a killed freeze left waiting would occupy the name and the port.
        return ["sh", "-c", f"{begin}; {words} || {{ systemctl stop {_UNIT}; {words}; }}"]

    def _call(self, word: str, timeout_s: float) -> "subprocess.Popen[str]":
        space = settings.load().netns
        return subprocess.Popen(
            # -S -E: it needs nothing but the standard library, and the machines wait for it.
            [*netns.prefix(space), sys.executable, "-S", "-E", "-m", "lab.snapshot.call"]
            + [self.secret, word, f"{timeout_s:g}", *map(_door, self._armed)],
            cwd=paths.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # Ctrl-C is for the command, which lets the machines go on.
            start_new_session=True,
            text=True,
        )


def _door(machine: Machine) -> str:
    """Where the machine's side of a pause listens, for this computer."""
    return "{}:{}".format(*chosen().address(machine, PORT))


def correct_clocks(machines: Sequence[Machine], say: Callable[[str], None]) -> None:
    """Set the clocks of all `machines` as after a thaw, if one of them is wrong.

    A machine that was paused by hand goes on with its old time; the nodes follow `api`, even if
    its clock is the wrong one. A machine that does not say its time is left out; raises LabError
    where one does not go on.
    """
    found = clocks.wrong(machines, timeout_s=deadline_s(_ASK_S))
    if not found:
        return
    say("; ".join(f"{name}: {clocks.words(by_s)}" for name, by_s in found.items()))
    if not chosen().saves():
        # Their answers would not reach us: restrict=on drops what a guest says over UDP.
        say("these clocks stay as they are: machines of this kind cannot be asked to stand still")
        return
    pause = Pause(machines)
    pause.start(say)
    try:
        pause.arm()
    finally:
        with pause.going() as call:
            silent = pause.gone(call)
        pause.stay()
    if silent:
        raise _no_answer(silent, _GO_S)


def _no_answer(silent: Sequence[str], waited_s: float) -> LabError:
    return LabError(
        f"no answer from {', '.join(silent)} within {waited_s:.0f} s: they cannot be paused",
        hint="lab status shows their state; lab heal mends what chaos did",
    )
