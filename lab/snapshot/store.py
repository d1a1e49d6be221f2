"""Folders with one saved lab each: made whole or not at all, checked before they are used."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import paths
from lab.snapshot import state as states
from lab.snapshot.state import MANIFEST, Damaged, State
from services.core.errors import LabError
from services.core.names import check_label

FROZEN = paths.STATE / "frozen"
CHAPTERS = paths.STATE / "chapters"


class Store:
    """The saved labs in one folder. what: how messages call one of them."""

    def __init__(self, folder: Path, what: str) -> None:
        self.folder = folder
        self.what = what

    def names(self) -> list[str]:
        """Return the names of all states that were finished, in order."""
        return sorted(file.parent.name for file in self.folder.glob(f"[!.]*/{MANIFEST}"))

    def path(self, name: str) -> Path:
        """Return the folder of state `name`; raises LabError, and BadName for no name at all."""
        check_label(name, self.what)
        if name not in (known := self.names()):
            has = f"there are: {', '.join(known)}" if known else "there is none yet"
            save = "lab chapter save" if self.what == "chapter" else "lab freeze"
            raise LabError(f"there is no {self.what} {name!r}; {has}", hint=f"{save} {name}")
        return self.folder / name

    def read(self, name: str) -> State:
        """Return state `name`, its big files unverified; raises as `path`, and Damaged."""
        return states.read(self.path(name))

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """A folder to fill; it gets its name, and replaces an older one, if all went well."""
        check_label(name, self.what)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.sweep()
        part = self.folder / f".part-{name}-{os.getpid()}"
        part.mkdir()
        try:
            yield part
            self.delete(name)
            part.rename(self.folder / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def delete(self, name: str) -> bool:
        """Delete state `name`; return whether it was there. Never leaves half of one."""
        folder = self.folder / check_label(name, self.what)
        if not folder.exists():
            return False
        gone = self.folder / f".gone-{name}-{os.getpid()}"
        folder.rename(gone)
        shutil.rmtree(gone)
        return True

    def sweep(self) -> None:
        """Delete what killed runs left. Only under the lab's lock: no other run makes any then."""
        for left in self.left():
            shutil.rmtree(left, ignore_errors=True)

    def left(self) -> list[Path]:
        """Return the folders that killed runs left, unless a run is making them now."""
        found = [*self.folder.glob(".part-*"), *self.folder.glob(".gone-*")]
        return sorted(one for one in found if not _runs(one.name.rpartition("-")[2]))


def _runs(pid: str) -> bool:
    return Path("/proc", pid).exists()


def chapters() -> Store:
    """Return the store of chapters."""
    return Store(CHAPTERS, "chapter")


def frozen() -> Store:
    """Return the store of `lab freeze`, with the initial lab of `lab up`."""
    return Store(FROZEN, "frozen lab")


def stores() -> tuple[Store, ...]:
    """Return the stores of this checkout."""
    return chapters(), frozen()


def boxes_in_use() -> set[str]:
    """Return the versions of the boxes on which the labs saved in this checkout stand."""
    found = set()
    for labs in stores():
        for name in labs.names():
            with suppress(LabError):
                found.add(labs.read(name).box_version)
    return found


def digests(folder: Path) -> dict[str, tuple[int, str]]:
    """Return name -> (bytes, SHA-256) of every file in `folder` but the manifest; in parallel."""
    names = sorted(file.name for file in folder.iterdir() if file.name != MANIFEST)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda name: _digest(folder / name), names)
        return dict(zip(names, found, strict=True))


def verify(folder: Path) -> State:
    """Return the state in `folder` once every byte is what was saved; raises Damaged."""
    state = states.read(folder)
    for name, (size, _) in state.files.items():
        if not (folder / name).is_file():
            raise Damaged(folder, f"{name} is missing")
        has = (folder / name).stat().st_size
        if has != size:
            raise Damaged(folder, f"{name} has {has} bytes, not {size}")
    found = digests(folder)
    for name, (_, sha256) in state.files.items():
        if found[name][1] != sha256:
            raise Damaged(folder, f"{name} has changed (SHA-256 {found[name][1][:16]}…)")
    return state


@contextmanager
def verifying(early: Path | None) -> Iterator[Callable[[Path], State]]:
    """A `verify` that begins at once with `early`, beside whatever is done inside.

    None: begins nothing. Damage in `early` shows only where the result is asked for.
    """
    with ThreadPoolExecutor(1) as beside:
        begun = {early: beside.submit(verify, early)} if early else {}
        yield lambda folder: begun[folder].result() if folder in begun else verify(folder)


def _digest(file: Path) -> tuple[int, str]:
    with file.open("rb") as source:
        return file.stat().st_size, hashlib.file_digest(source, "sha256").hexdigest()
