"""The recorded step that a stage can play where the live one does not come true."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.demo.cue import Excerpt
from lab.history.history import History, read
from lab.report import runs
from services.core.errors import LabError

# An audience has to see what came of it.
_AFTER_S = 5.0


def find(experiment: str, step: str) -> Excerpt | None:
    """Return where the newest run shows how `step` of `experiment` came true in pull.

    None: there is none. A run that is damaged, or under way, is passed over.
    """
    for folder in _folders(experiment):
        with suppress(LabError):
            if found := _excerpt(read(folder), folder, step):
                return found
    return None


def _folders(experiment: str) -> Iterator[Path]:
    """Yield the folders of its histories, the newest first."""
    for call in reversed([one for one in runs.all_calls() if one.parent.name == experiment]):
        yield from reversed(runs.histories(call))


def _excerpt(history: History, folder: Path, step: str) -> Excerpt | None:
    began = next(history.of("step", name=step, phase="begin"), None)
    came = next(history.of("came", step=step, mode="pull"), None)
    if history.damage or began is None or came is None:
        return None
    return Excerpt(str(folder), began.at_s, came.at_s + _AFTER_S)
