"""Run an experiment once: record it from before the fault to after the repair.

The history ends before the lab is healed: what `lab heal` repairs is not a control plane's merit.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from lab.experiment import actions, heard, steady, timing
from lab.experiment.actions import Orders
from lab.experiment.aim import Aim, aim, typed
from lab.experiment.check.timeline import BEFORE, ROLLBACK
from lab.experiment.pace import Pace, Waited
from lab.experiment.parse import Experiment, Step
from lab.experiment.setting import Setting
from lab.faults import heal, strike
from lab.faults.strike import Strike
from lab.history.history import Writer
from lab.history.recording import Recording
from lab.host.speed import deadline_s
from lab.planes import client
from lab.terminal.progress import Progress
from services.core.errors import LabError
from services.core.model import KEEP

_COMMAND_S = 10.0
# Longer than any experiment lasts; the machines themselves undo a fault after that.
_FAULT_S = 3600.0


def run(
    experiment: Experiment,
    setting: Setting,
    folder: Path,
    progress: Progress,
    pace: Pace,
    reset: Callable[[Progress], None] | None = None,
) -> None:
    """Run `experiment` and write its history into the new folder `folder`.

    The lab is healed before and after, and our containers are gone in the end, also after Ctrl-C.
    reset: what has just been done to the lab, and is done again afterwards, in place of that.
    Raises the error that ended the run; the history then says so, and no verdict comes of it.
    """
    writer = Writer(folder)
    recording = Recording(setting.lab, setting.modes, writer)
    one = _Run(experiment, setting, recording, progress, pace)
    # Left in the reverse order: the history has its end before the lab is healed.
    with one.cleared_up(reset or one.heal), writer:
        setting.begin(writer, experiment)
        if not reset:
            with progress.phase("heal"):
                # A run that was killed left containers, perhaps with another policy.
                one.heal(progress)
        with recording.running():
            one.play()


class _Run:
    def __init__(
        self,
        experiment: Experiment,
        setting: Setting,
        recording: Recording,
        progress: Progress,
        pace: Pace,
    ) -> None:
        clients = client.connect(setting.lab)
        policy = str(experiment.document.get("on-disconnect", KEEP))
        self.experiment = experiment
        self.setting = setting
        self.recording = recording
        self.progress = progress
        self.pace = pace
        self.orders = Orders(
            recording,
            clients,
            policy,
            wanted={mode: [] for mode in setting.modes},
            doubtful={mode: [] for mode in setting.modes},
        )
        self.strikes: dict[str, Strike] = {}

    def play(self) -> None:
        """Record the steady state before, the method, and what became of it."""
        probes = self.experiment.document["steady-state-hypothesis"]["probes"]
        with self._phase(BEFORE):
            heard.await_all(self.recording)
            self.orders.adopt()
            limit_s = deadline_s(timing.placing_s(self.setting.profile) + _COMMAND_S)
            quiet_s = steady.quiet_s(self.setting.profile)
            steady.reach(self.orders, self.experiment.containers, probes, limit_s, quiet_s)
            # The last of it is known for sure only now.
            heard.await_all(self.recording)
        for step in self.experiment.method:
            self._step(step)
        # What is judged ends here; of the time after it, not everything is known yet.
        self.recording.writer.put("step", name=ROLLBACK, phase="begin")
        heard.await_all(self.recording, apis=True)

    @contextmanager
    def cleared_up(self, clear: Callable[[Progress], None]) -> Iterator[None]:
        """Call `clear` after the block, also after Ctrl-C."""
        try:
            yield
        finally:
            with self.progress.phase("clear up"):
                clear(self.progress)

    def heal(self, progress: Progress) -> None:
        """Heal the lab, and take our containers away."""
        try:
            # Also undoes what is left of the faults: the ledger names them.
            heal.heal(self.setting.lab, progress)
        finally:
            self.take_away()

    def take_away(self) -> None:
        """Take back all that this experiment may ask for, where an API lists it.

        One that cannot be taken back does not stop the others; the first error is raised last.
        """
        declared = [name for step in self.experiment.method for name in step.get("declare", ())]
        names = list(dict.fromkeys((*self.experiment.containers, *declared)))
        modes = self.setting.modes
        with ThreadPoolExecutor(len(modes)) as pool:
            found = pool.map(lambda mode: actions.take_away(self.orders, mode, names), modes)
            errors = [error for in_mode in found for error in in_mode]
        if errors:
            raise errors[0]

    def _step(self, step: Step) -> None:
        # What a speaker was shown is what is hit, wherever containers move meanwhile.
        find = cache(lambda: aim(step, self.setting, self.recording))
        self.pace.before(step["name"], lambda: self._typed(step, find))
        began_s, more = time.monotonic(), True
        while more:
            self.recording.writer.check()
            waited = self._perform(step, find, time.monotonic() - began_s)
            more = waited is not None and self.pace.again(step["name"], waited)

    def _perform(self, step: Step, find: Callable[[], Aim | None], late_s: float) -> Waited | None:
        """Do what `step` says. late_s: for how long it has been waited for. None: it is no wait."""
        pauses, waited = step.get("pauses", {}), None
        with self._phase(step["name"]):
            self._pause(pauses.get("before"))
            if step.get("by") == "human":
                command = self._typed(step, find)
                self.recording.writer.put("human", what=step["name"], command=command)
            if "fault" in step:
                self._fault(find())
            elif "until" in step:
                waited = self._until(step, late_s)
            elif "undo" in step:
                self._undo(step)
            else:
                self.orders.declare(step.get("declare", ()))
                self.orders.delete(step.get("delete", ()))
            self._pause(pauses.get("after"))
        return waited

    def _typed(self, step: Step, find: Callable[[], Aim | None]) -> str:
        """Return what a person would type for `step`; empty where that is nothing, or not known."""
        try:
            return typed(step, find, self.recording)
        except LabError:
            return ""

    def _fault(self, hit: Aim | None) -> None:
        if hit is None:
            return
        self.strikes[hit.fault] = strike.strike(
            self.setting.lab,
            hit.fault,
            hit.targets,
            hit.options,
            for_s=_FAULT_S,
            seed=self.setting.seed,
            say=self.progress,
            put=self.recording.writer.put,
        )
        # Else the next step would look at what was known before the fault.
        heard.await_all(self.recording)

    def _undo(self, step: Step) -> None:
        # One whose mode is not played was not begun.
        if step["undo"] in self.strikes:
            self.strikes.pop(step["undo"]).undo()
            heard.await_all(self.recording)

    def _until(self, step: Step, late_s: float) -> Waited:
        expected_s = actions.seconds(step["within"], self.setting.profile)
        limit_s = max(deadline_s(expected_s), timing.PATIENCE * expected_s)
        limits, now_s = timing.Deadlines(expected_s, limit_s), self.recording.writer.now_s()
        took_s = actions.await_condition(self.orders, step["until"], limits, self.progress)
        for mode, one in took_s.items():
            if one is None:
                self.progress(f"{mode}: {step['until']} did not come")
            else:
                self.recording.writer.put("came", at_s=now_s + one, step=step["name"], mode=mode)
        sums_s = {mode: None if one is None else late_s + one for mode, one in took_s.items()}
        return Waited(sums_s, late_s + limits.limit_s)

    def _pause(self, duration: float | str | None) -> None:
        if duration is not None:
            time.sleep(actions.seconds(duration, self.setting.timings))
            self.recording.writer.check()

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        put = self.recording.writer.put
        put("step", name=name, phase="begin")
        try:
            with self.progress.phase(f"step: {name}"):
                yield
        finally:
            put("step", name=name, phase="end")
