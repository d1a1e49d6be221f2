"""What can be wrong with a bundle, or with the place that it should go to."""

from pathlib import Path

from services.core.errors import LabError

_MIB = 1024 * 1024


class BadBundle(LabError):
    """A file that is no bundle, or no longer the one that was exported."""

    def __init__(self, file: Path, problem: str, hint: str = "") -> None:
        super().__init__(
            f"{file} is no whole bundle: {problem}",
            hint=hint or "nothing was changed; fetch the file again, or export it again",
        )
        self.file = file
        self.problem = problem


def no_room(folder: Path, needed: int, free: int) -> LabError:
    """Return the error of a disk that is too full for a bundle or its contents. In bytes."""
    return LabError(
        f"{folder} has {free // _MIB} MiB free, and {needed // _MIB + 1} MiB are needed",
        hint="make room there: df -h; lab chapter list shows what takes some",
    )
