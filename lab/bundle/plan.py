"""What an import has to do: decided before anything is read, from what the bundle says it has."""

from collections.abc import Mapping
from typing import NamedTuple

from lab.bundle.contents import CHAPTERS, Contents
from lab.snapshot.state import MANIFEST
from services.core.errors import LabError


class Here(NamedTuple):
    """What this computer and this checkout have.

    boxes: keys of those in the cache; wheels: the key that the lock asks for under this Python,
    and whether they are in the cache. chapters: name -> SHA-256 of its manifest.
    """

    boxes: frozenset[str]
    wheels: str
    has_wheels: bool
    chapters: Mapping[str, str]


class ImportPlan(NamedTuple):
    """What to take out of a bundle; said: a line for each thing that is not taken, and why."""

    boxes: tuple[str, ...]
    wheels: bool
    chapters: tuple[str, ...]
    said: tuple[str, ...]

    def takes(self, name: str) -> bool:
        """Return whether the member `name` is to be written."""
        top, _, rest = name.partition("/")
        below = rest.partition("/")[0]
        return {"boxes": below in self.boxes, "wheels": self.wheels}.get(
            top, below in self.chapters
        )


def plan(contents: Contents, here: Here, *, force: bool) -> ImportPlan:
    """Return what to do; raises LabError for a chapter that would be replaced without `force`."""
    _check_boxes(contents, here)
    boxes = tuple(key for key in contents.boxes if key not in here.boxes)
    said = [f"box {key}: here already" for key in contents.boxes if key in here.boxes]
    wheels = contents.wheels == here.wheels and not here.has_wheels
    if contents.wheels and not wheels:
        same = contents.wheels == here.wheels
        said.append(
            f"wheels: {'here already' if same else 'not those of this checkout and Python'}"
        )
    chapters = []
    for name in (chapter.name for chapter in contents.chapters):
        if here.chapters.get(name) == _manifest(contents, name):
            said.append(f"chapter {name}: here already")
        elif name in here.chapters and not force:
            raise LabError(
                f"there is another chapter {name!r} here; nothing was changed",
                hint="--force replaces it by that of the bundle",
            )
        else:
            chapters.append(name)
    return ImportPlan(boxes, wheels, tuple(chapters), tuple(said))


def _check_boxes(contents: Contents, here: Here) -> None:
    for chapter in contents.chapters:
        if chapter.box not in contents.boxes and chapter.box not in here.boxes:
            raise LabError(
                f"chapter {chapter.name!r} stands on box {chapter.box}, which is neither here nor "
                "in the bundle; nothing was changed",
                hint="export it again where that box is",
            )


def _manifest(contents: Contents, name: str) -> str:
    """The SHA-256 of the chapter's manifest, which has those of all its other files."""
    files = contents.part(CHAPTERS, name)
    return next((m.sha256 for m in files if m.name.endswith(f"/{MANIFEST}")), "")
