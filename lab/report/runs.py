"""The runs of this checkout: where they are, and what they came to."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lab import paths
from lab.experiment.check.finding import composed
from lab.experiment.check.judge import Judgement, judge
from lab.experiment.check.traces import Known
from lab.history.history import FILE, read
from services.core.errors import LabError

# Of a run within a call; the time of a call is longer.
_NUMBER = re.compile("[1-9][0-9]{0,3}")


class JudgedRun(NamedTuple):
    """One history, in its folder, and its judgement."""

    folder: Path
    judgement: Judgement


class Runs(NamedTuple):
    """One call of `lab run`: one run, or several of the same experiment beside each other."""

    folder: Path
    runs: tuple[JudgedRun, ...]

    @property
    def name(self) -> str:
        return self.runs[0].judgement.name

    @property
    def verdict(self) -> Known:
        return composed(run.judgement.verdict for run in self.runs)


def load(word: str = "") -> Runs:
    """Return the runs that `word` names: a folder, an experiment's latest, or the latest of all.

    Raises LabError where there is none.
    """
    folder = find(word)
    return Runs(folder, tuple(JudgedRun(one, judge(read(one))) for one in histories(folder)))


def find(word: str) -> Path:
    """Return the folder that `word` names; raises LabError where it has no history."""
    for folder in (Path(word), paths.RUNS / word) if word else ():
        calls = [path for path in (folder, *_times(folder)) if histories(path)]
        if calls:
            return folder if folder in calls else max(calls)
    if word or not (calls := list(all_calls())):
        what = f"no run {word!r}" if word else "no run"
        raise LabError(
            f"{what} in {paths.RUNS}", hint="lab report --list shows the runs of this checkout"
        )
    return max(calls, key=lambda path: (path.name, path.parent.name))


def all_calls() -> Iterator[Path]:
    """Yield the folder NAME/TIME of every call of this checkout, by name, then by time."""
    for name in sorted(paths.RUNS.glob("*")):
        yield from sorted(path for path in _times(name) if histories(path))


def _times(folder: Path) -> list[Path]:
    """Return the folders of the calls of one experiment; `latest` is another name of one."""
    return [path for path in folder.glob("*") if not path.is_symlink()]


def histories(folder: Path) -> Sequence[Path]:
    """Return the folders of the histories in `folder`: itself, or those called 1, 2 and so on."""
    if (folder / FILE).is_file():
        return [folder]
    numbered = [
        path.parent for path in folder.glob(f"*/{FILE}") if _NUMBER.fullmatch(path.parent.name)
    ]
    return sorted(numbered, key=lambda path: int(path.name))
