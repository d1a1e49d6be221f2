"""Import: everything verified before anything gets its name."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lab.bundle import archive
from lab.bundle.contents import BOXES, CHAPTERS, WHEELS, Contents
from lab.bundle.errors import BadBundle, no_room
from lab.bundle.pack import large
from lab.bundle.plan import Here, ImportPlan, plan
from lab.snapshot import state, store
from lab.snapshot.state import MANIFEST, Damaged
from lab.terminal import lock
from lab.terminal.progress import Progress
from provisioning.box import build as box_build
from provisioning.box import cache
from provisioning.box.build import Box
from provisioning.host import wheels
from services.core.errors import LabError


def alone(what: str) -> AbstractContextManager[None]:
    """The lock of imports into one cache. Changes of chapters need the lab's lock as well."""
    cache.folder().mkdir(parents=True, exist_ok=True)
    return lock.locked(what, cache.folder() / ".import.lock")


def bring_in(file: Path, progress: Progress, *, force: bool) -> Contents:
    """Put what is in the bundle `file` where this checkout looks for it; return what that was.

    Idempotent. Under both locks. Nothing has changed when it raises LabError, or is killed before
    the last byte was verified; killed later, it has put in place whole things only, and the next
    import does the rest.
    """
    with archive.opened(file) as bundle:
        contents = bundle.contents
        todo = plan(contents, _here(contents), force=force)
        for line in todo.said:
            progress(line)
        with _incoming(contents, todo) as incoming, progress.phase("verify"):
            archive.unpack(
                bundle,
                lambda name: incoming.place(name) if todo.takes(name) else None,
                say=large(contents, progress),
            )
            _check_chapters(file, contents, todo, incoming)
            incoming.place_all(contents, todo)
    return contents


def bring_wheels(file: Path, progress: Progress) -> Path:
    """Take only the wheels out of the bundle `file`; return their folder. Under `alone`.

    Raises LabError if they are not those that requirements.lock asks for under this Python.
    """
    with archive.opened(file) as bundle:
        contents = bundle.contents
        if contents.wheels != wheels.key():
            raise _unfit(file, contents)
        todo = ImportPlan((), not wheels.folder(wheels.key()).exists(), (), ())
        if todo.wheels:
            with _incoming(contents, todo) as incoming, progress.phase("verify wheels"):
                archive.unpack(bundle, incoming.place, only=f"{WHEELS}/")
                incoming.place_all(contents, todo)
    return wheels.folder(wheels.key())


class Incoming:
    """Where things lie until all are known to be good: beside their places, under hidden names."""

    def __init__(self) -> None:
        # Fixed names: `alone` allows one import at a time, so what is found was left behind.
        self.cache = cache.folder() / ".import"
        self.chapters = store.CHAPTERS / ".import"

    def place(self, name: str) -> Path:
        """Return where the member `name` waits."""
        top, _, rest = name.partition("/")
        return self.chapters / rest if top == CHAPTERS else self.cache / name

    def clear(self) -> None:
        """Delete whatever waits. Idempotent."""
        for folder in (self.cache, self.chapters):
            shutil.rmtree(folder, ignore_errors=True)

    def place_all(self, contents: Contents, todo: ImportPlan) -> None:
        """Give everything its name: boxes first, so that no chapter is ever without its box."""
        for key in todo.boxes:
            place = cache.folder() / f"box-{key}"
            shutil.rmtree(place, ignore_errors=True)  # half a box
            (self.cache / BOXES / key).rename(place)
        if todo.wheels:
            wheels.folder(contents.wheels).parent.mkdir(exist_ok=True)
            (self.cache / WHEELS).rename(wheels.folder(contents.wheels))
        for name in todo.chapters:
            store.chapters().delete(name)
            (self.chapters / name).rename(store.CHAPTERS / name)


@contextmanager
def _incoming(contents: Contents, todo: ImportPlan) -> Iterator[Incoming]:
    incoming = Incoming()
    incoming.clear()
    _check_room(contents, todo)
    try:
        if todo.chapters:
            store.CHAPTERS.mkdir(parents=True, exist_ok=True, mode=0o700)
            incoming.chapters.mkdir(mode=0o700)
        if todo.boxes or todo.wheels:
            incoming.cache.mkdir(parents=True)
        yield incoming
    finally:
        incoming.clear()


def _check_room(contents: Contents, todo: ImportPlan) -> None:
    """Raise LabError where what is to be taken does not fit; one disk may have to take both."""
    needed: dict[int, tuple[Path, int]] = {}
    for folder, chapters in ((cache.folder(), False), (store.CHAPTERS, True)):
        there = next(one for one in (folder, *folder.parents) if one.exists())
        taken = [m for m in contents.members if todo.takes(m.name)]
        size = sum(m.size for m in taken if m.name.startswith(f"{CHAPTERS}/") == chapters)
        disk = there.stat().st_dev
        needed[disk] = (there, size + needed.get(disk, (there, 0))[1])
    for there, size in needed.values():
        free = shutil.disk_usage(there).free
        if size > free:
            raise no_room(there, size, free)


def _check_chapters(file: Path, contents: Contents, todo: ImportPlan, incoming: Incoming) -> None:
    """Raise BadBundle for a chapter whose own manifest speaks of other files than are here."""
    for name in todo.chapters:
        try:
            saved = state.read(incoming.chapters / name)
        except Damaged as error:
            raise BadBundle(file, f"chapter {name}: {error.problem}") from None
        got = {
            member.name.rpartition("/")[2]: (member.size, member.sha256)
            for member in contents.part(CHAPTERS, name)
        }
        got.pop(MANIFEST)
        (listed,) = (one for one in contents.chapters if one.name == name)
        if got != saved.files or saved.box != listed.box:
            raise BadBundle(file, f"chapter {name}: its manifest is another one's")
        _mine([incoming.chapters / name, *(incoming.chapters / name).iterdir()])


def _mine(found: Iterable[Path]) -> None:
    """Private keys: for this user alone, whatever the umask."""
    for one in found:
        one.chmod(0o700 if one.is_dir() else 0o600)


def _here(contents: Contents) -> Here:
    known = {*contents.boxes, *(chapter.box for chapter in contents.chapters)}
    chapters = store.chapters()
    return Here(
        boxes=frozenset(
            key for key in known if box_build.exists(Box(key, cache.folder() / f"box-{key}"))
        ),
        wheels=wheels.key(),
        has_wheels=wheels.folder(wheels.key()).exists(),
        chapters={
            name: hashlib.sha256((chapters.folder / name / MANIFEST).read_bytes()).hexdigest()
            for name in chapters.names()
        },
    )


def _unfit(file: Path, contents: Contents) -> LabError:
    if not contents.wheels:
        return LabError(f"{file} has no wheels", hint="export it without --no-wheels")
    if contents.python != wheels.python():
        return LabError(
            f"the wheels in {file} are for {contents.python}, and this Python is {wheels.python()}",
            hint="make venv BUNDLE=FILE PYTHON=python3.NN; or export where Python is the same",
        )
    return LabError(
        f"the wheels in {file} are those of another requirements.lock",
        hint=f"git checkout {contents.commit or 'the version that exported it'}",
    )
