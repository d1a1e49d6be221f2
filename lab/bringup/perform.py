"""Perform the steps of lab.bringup.plan. Safe to interrupt: the next plan starts from there."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from lab.bringup import deploy
from lab.bringup.plan import MODES, Act, Asked, Step
from lab.bringup.prepare import prepare
from lab.bringup.restore import restore
from lab.host import forward
from lab.host.speed import deadline_s
from lab.machines import power
from lab.machines.choice import chosen
from lab.planes import answers
from lab.snapshot import initial, store, thaw
from lab.snapshot.initial import Request
from lab.snapshot.pause import correct_clocks
from lab.snapshot.state import State
from lab.terminal.progress import Progress
from provisioning.box import build as box_build
from provisioning.box import cache
from provisioning.box.build import Box
from provisioning.host import programs
from provisioning.run import check_root
from provisioning.topology import Topology
from services.core.errors import LabError
from services.core.profiles import DEFAULT_PROFILE

# What the services of a new machine take from the end of its boot, and some more.
_SOON_S = 5.0


def check(steps: Iterable[Step]) -> None:
    """Raise LabError where `steps` lack a tool or rights: to be called before any is performed."""
    acts = {step.act for step in steps}
    needed = chosen().tools(creating=Act.CREATE in acts)
    missing = [name for name in needed if not programs.which(name)]
    if missing:
        raise LabError(f"not installed: {', '.join(missing)}", hint="lab doctor --fix")
    if Act.BUILD in acts:
        _check_build()
    if Act.THAW in acts:
        check_root()
    elif Act.SAVE in acts:
        # sudo may ask for a password now, and not after minutes. Without one the lab comes up, too.
        with suppress(LabError):
            check_root()


def _check_build() -> None:
    try:
        check_root()
    except LabError as error:
        raise LabError(
            f"the box is not in {cache.folder()}, and to build it {error}",
            hint=f"{error.hint}; or where there is one: lab bundle export FILE, and here: "
            "lab bundle import FILE",
        ) from None


class Run:
    """One run of `lab up`, `reset` or `thaw`.

    verify: as lab.snapshot.store.verifying gives it. saved: what was thawed, if anything.
    """

    def __init__(self, topology: Topology, asked: Asked, progress: Progress) -> None:
        self.topology = topology
        self.asked = asked
        self.progress = progress
        self.verify: Callable[[Path], State] = store.verify
        self.saved: State | None = None
        self._box: Box | None = None
        self._answered = False

    def perform(self, steps: Iterable[Step]) -> None:
        """Perform `steps` in order, and print each with its reason."""
        for step in steps:
            self.progress(str(step))
            _PERFORM[step.act](self, step)

    def _build(self, _: Step) -> None:
        with self.progress.phase("box"):
            box_build.build(self.progress)

    def _prepare(self, _: Step) -> None:
        # The box has one profile only: under another one, machines start nothing by themselves.
        modes = MODES[self.asked.mode] if self.asked.profile == DEFAULT_PROFILE else ()
        with self.progress.phase("prepare"):
            self._box = prepare(self.topology, self.progress, modes=modes)

    def _thaw(self, step: Step) -> None:
        folder = Path(step.names[0])
        self.saved = restore(self.topology, folder, self.progress, self._box, self.verify)
        if not self.saved.answering:
            thaw.served(self.topology, self.saved)

    def _delete(self, _: Step) -> None:
        with self.progress.phase("boot"):
            chosen().delete(self.topology, ground=False)

    def _create(self, step: Step) -> None:
        with self.progress.phase("boot"):
            power.create(step.names)

    def _boot(self, step: Step) -> None:
        with self.progress.phase("boot"):
            power.start(*step.names)

    def _clocks(self, step: Step) -> None:
        with self.progress.phase("clocks"):
            machines = [self.topology.machine(name) for name in step.names]
            correct_clocks(machines, self.progress)

    def _wait(self, step: Step) -> None:
        with self.progress.phase("answer"):
            forward.ensure(self.topology)
            limit_s = deadline_s(_SOON_S)
            self._answered = answers.come(self.topology, step.names, self._nodes(), limit_s)

    def _check(self, step: Step) -> None:
        """Also switches to the mode where machines were not up to date, or do not answer yet.

        On a very slow host a machine's own start of its modes runs out of time.
        """
        if self._update(step) or not self._answered:
            self._switch(step._replace(names=(self.asked.mode,)))

    def _update(self, _: Step) -> bool:
        with self.progress.phase("provision"):
            updated = deploy.deploy(self.topology, self.asked.profile, self.progress)
            said = f"updated: {', '.join(updated)}" if updated else "every machine is up to date"
            self.progress(said)
        return bool(updated)

    def _switch(self, step: Step) -> None:
        self._answered = False
        with self.progress.phase("switch"):
            deploy.switch(self.topology.machines, *step.names)

    def _answer(self, step: Step) -> None:
        if self._answered:
            return
        with self.progress.phase("answer"):
            forward.ensure(self.topology)
            answers.await_answers(self.topology, step.names, self._nodes())
            if self.saved is not None:
                thaw.served(self.topology, self.saved)

    def _save(self, _: Step) -> None:
        initial.save(self.topology, Request(self.asked.mode, self.asked.profile), self.progress)

    def _nodes(self) -> list[str]:
        """The nodes that the APIs must know: all, or those that ran when the lab was saved."""
        names = [node.name for node in self.topology.nodes]
        return [name for name in names if self.saved is None or name in self.saved.running]


_PERFORM: dict[Act, Callable[[Run, Step], object]] = {
    Act.BUILD: Run._build,
    Act.PREPARE: Run._prepare,
    Act.THAW: Run._thaw,
    Act.DELETE: Run._delete,
    Act.CREATE: Run._create,
    Act.BOOT: Run._boot,
    Act.RESUME: Run._boot,
    Act.REACH: Run._boot,
    Act.CLOCKS: Run._clocks,
    Act.WAIT: Run._wait,
    Act.CHECK: Run._check,
    Act.UPDATE: Run._update,
    Act.SWITCH: Run._switch,
    Act.ANSWER: Run._answer,
    Act.SAVE: Run._save,
}
