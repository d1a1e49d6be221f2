"""The live history: that of `lab run` while it plays, and one of our own in between.

Two recorders would double the load on the nodes: ours ends when `lab run` records, and of two
stages only one records.
"""

import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from lab import paths
from lab.errors import LabBusy
from lab.experiment.check.timeline import EMPTY
from lab.experiment.parse import Experiment
from lab.experiment.setting import Setting
from lab.history.history import FILE, Writer, is_written, new_folder
from lab.history.recording import Recording
from lab.planes import modes
from lab.snapshot import initial
from lab.snapshot.initial import Request
from lab.stage.notes import Notes, PushOrders
from lab.stage.source import Tail
from lab.terminal import lock
from provisioning.topology import Topology
from services.core.errors import LabError

_LOOK_S = 0.2
_AGAIN_S = 2.0
# One hour of ours is 3 MB.
_KEPT = 5
_OURS = Experiment("stage", {"title": "The lab as it runs", "method": [], "expected": {}})


class Live:
    """source: what is to be played now; None until there is something. say: hears what it is."""

    def __init__(self, lab: Topology, say: Callable[[str], None]) -> None:
        self.source: Tail | None = None
        self._lab = lab
        self._say = say
        self._said = ""
        self._pushed = PushOrders(lab.api)

    def run(self, over: threading.Event) -> None:
        """Keep `source` right until `over` is set. Whatever becomes of the lab, it goes on."""
        threading.Thread(target=self._pushed.run, args=(over,), daemon=True).start()
        while not over.is_set():
            try:
                if file := run_under_way():
                    self._play(file)
                else:
                    self._record(over)
                over.wait(_LOOK_S)
            except LabBusy:
                if file := _written(paths.STAGE.glob(f"*/{FILE}")):
                    self._play(file)
                over.wait(_LOOK_S)
            except Exception as error:
                # Also what was not foreseen: a page that says LIVE must be it.
                self._tell(f"nothing can be recorded: {error or type(error).__name__}")
                over.wait(_AGAIN_S)

    def _record(self, over: threading.Event) -> None:
        """Record until `over`, until a run begins, or until the lab is down or another one."""
        with lock.locked("lab stage", instead=paths.STAGE / "lock"):
            lab, asked = self._lab, _asked()
            on = modes.on(lab)
            setting = Setting(lab, on, modes.profile(lab), 0, 1)
            with Writer(new_folder(paths.STAGE)) as writer:
                setting.begin(writer, _OURS)
                recording = Recording(lab, on, writer)
                notes = Notes(recording, self._pushed)
                with recording.running():
                    self._play(writer.path)
                    writer.check()
                    _delete_old(writer.path.parent)
                    while not over.wait(_LOOK_S) and asked == _asked() and not run_under_way():
                        notes.look()
                        writer.check()
                        if _is_down(recording):
                            return

    def _play(self, file: Path) -> None:
        if self.source is None or self.source.folder != file.parent:
            self.source = Tail(file.parent)
            self._tell(f"source: {file}")

    def _tell(self, what: str) -> None:
        if what != self._said:
            self._said = what
            self._say(what)


def run_under_way() -> Path | None:
    """Return the history of the run of `lab run` that is being recorded; None: none is."""
    return _written(paths.RUNS.glob(f"*/latest/*/{FILE}"))


def _written(files: Iterable[Path]) -> Path | None:
    """Return the newest of `files`, if a process is writing it."""
    newest = max(files, key=lambda file: file.stat().st_mtime, default=None)
    return newest if newest and is_written(newest) else None


def _is_down(recording: Recording) -> bool:
    """Return whether no machine is left: what was wanted in that lab is no more."""
    latest = recording.states.latest
    return bool(latest) and set(latest.values()) <= {*EMPTY}


def _asked() -> Request | None:
    """Return what the latest `lab up` asked for."""
    try:
        return initial.remembered()
    except LabError:
        return None


def _delete_old(newest: Path) -> None:
    """Delete the oldest recordings, once `newest` can be written; those beside it are kept."""
    before = sorted(p for p in paths.STAGE.glob("*") if p.is_dir() and p != newest)
    for old in before[: 1 - _KEPT]:
        shutil.rmtree(old)
