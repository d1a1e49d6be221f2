"""What can be wrong with a bundle, or with the place that it should go to."""

from pathlib import Path

from services.core.errors import LabError

_MIB = 1024 * 1024


class BadBundle(LabError):
    """A file that is no bundle, or no longer the one that was exported."""

    def __init__(self, file: Path, problem: str, hint: str = "") -> None:
        super().__init__(
            f"{file} is no whole bundle: {problem}",
            hint=hint or "nothing was changed; fetch the file again, or export it anew",
        )
        self.file = file
        self.problem = problem


class Missing(LabError):
    """Something that has to be there, and is not."""


class Occupied(LabError):
    """Something that is there already and would have to give way."""


class NoRoom(LabError):
    """A disk that is too full for a bundle or for what is in it."""

    def __init__(self, folder: Path, needed: int, free: int) -> None:
        super().__init__(
            f"{folder} has {free // _MIB} MiB free, and {needed // _MIB + 1} MiB are needed",
            hint="make room there: df -h; lab chapter list shows what takes some",
        )
        self.needed = needed
        self.free = free
