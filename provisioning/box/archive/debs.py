"""The packages' files in the cache, each under its own SHA-256; what is missing is fetched.

A file gets its name only when its content has that hash, and is hashed again before each use.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from provisioning.box import cache
from provisioning.box.archive import apt
from provisioning.box.cache import Say
from provisioning.box.lockfile import UPDATE, Deb
from provisioning.run import ToolFailed
from services.core.errors import LabError

# Other checkouts have other locks, and share the cache.
_UNUSED_S = 90 * 86400
# Returns a sources.list(5); gets a scratch folder.
Sources = Callable[[Path], str]


class NotServed(LabError):
    """The lock has packages that are neither in the cache nor in the archive."""

    def __init__(self, debs: Sequence[Deb]) -> None:
        named = "; ".join(f"{deb.name} {deb.version}" for deb in debs)
        super().__init__(
            f"Debian's archive no longer serves {named}",
            hint=f"{UPDATE} takes what it serves now; a bundle made earlier has the box built of "
            f"them, and the cache of an earlier build has their files ({cache.folder()}/debs)",
        )
        self.debs = tuple(debs)


def path(deb: Deb) -> Path:
    """Return where the cache keeps `deb`, whether it is there or not."""
    return cache.folder() / "debs" / f"{deb.sha256}.deb"


def ready(debs: Iterable[Deb], say: Say, sources: Sources = apt.sources) -> None:
    """Have all of `debs` in the cache, whole; fetch those that are not.

    A damaged file is deleted, named, and fetched again. Raises NotServed, or LabError about what
    did not come or is not what was locked; what came whole stays in the cache for the next run.
    """
    missing = [deb for deb in debs if not _whole(deb, say)]
    if not missing:
        return
    say(f"packages: fetching {len(missing)}")
    with cache.workspace() as work:
        client = apt.opened(work / "apt", sources(work))
        _refuse(missing, apt.served(client, [deb.name for deb in missing]))
        (work / "new").mkdir()
        problem = ""
        try:
            apt.download(client, missing, work / "new")
        except ToolFailed as error:
            problem = str(error)
        _keep(missing, work / "new", problem)


def prune(debs: Iterable[Deb]) -> None:
    """Delete packages' files that are not those of `debs` and were not used for a long time."""
    locked = {path(deb) for deb in debs}
    for file in (cache.folder() / "debs").glob("*.deb"):
        if file not in locked and time.time() - file.stat().st_mtime > _UNUSED_S:
            file.unlink(missing_ok=True)


def _whole(deb: Deb, say: Say) -> bool:
    file = path(deb)
    if not file.exists():
        return False
    if _sha256(file) == deb.sha256:
        cache.used(file)
        return True
    say(f"packages: {deb.name} {deb.version} in the cache is damaged; it is fetched again")
    file.unlink()
    return False


def _folder() -> None:
    folder = cache.folder() / "debs"
    folder.mkdir(exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise cache.NotOurs(folder)


def _refuse(debs: Sequence[Deb], served: dict[str, Deb]) -> None:
    """Raise what is to be said of `debs` that cannot come, before anything is fetched."""
    if gone := [deb for deb in debs if deb.ident not in served]:
        raise NotServed(gone)
    for deb in debs:
        if served[deb.ident].sha256 != deb.sha256:
            raise _wrong_content(deb, served[deb.ident].sha256, "in the archive")


def _keep(debs: Sequence[Deb], folder: Path, problem: str) -> None:
    """Move what came whole into the cache, then raise about what did not."""
    came = {apt.ident(file): file for file in sorted(folder.glob("*.deb"))}
    sums = {deb: _sha256(came[deb.ident]) for deb in debs if deb.ident in came}
    for deb in debs:
        if sums.get(deb) == deb.sha256:
            _folder()
            came[deb.ident].replace(path(deb))
    for deb, found in sums.items():
        if found != deb.sha256:
            raise _wrong_content(deb, found, "as it was served")
    if lacking := [deb for deb in debs if deb not in sums]:
        named = ", ".join(f"{deb.name} {deb.version}" for deb in lacking)
        raise LabError(f"not fetched: {named}. {problem}".rstrip(), hint=apt.NO_WAY)


def _wrong_content(deb: Deb, sha256: str, where: str) -> LabError:
    return LabError(
        f"{deb.name} {deb.version} {where} is not the file that was locked: "
        f"sha256 {sha256} instead of {deb.sha256}",
        hint=f"it was refused; if the archive has really replaced it: {UPDATE}",
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
