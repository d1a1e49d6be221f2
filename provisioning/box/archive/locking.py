"""Renew the locks: what the archive would install today, by version and hash."""

from collections.abc import Iterator
from pathlib import Path

from provisioning.box import cache, lockfile, packages
from provisioning.box.archive import apt, debs
from provisioning.box.archive.debs import Sources
from provisioning.box.cache import Say
from provisioning.box.lockfile import Changes, Deb, Lock


def renew(file: Path, say: Say, sources: Sources = apt.sources) -> Changes:
    """Write the lock `file` for today's list of names and today's archive; return what changed.

    An equal lock is not written at all. A lock that cannot be read counts as empty.
    """
    names = packages.wanted(file.with_suffix(".txt"))
    with cache.scratch() as work:
        say(f"{file.name}: asking the archive for {packages.SUITE} and its updates")
        client = apt.opened(work / "apt", sources(work))
        say(f"{file.name}: resolving {len(names)} packages and what they need")
        lock = Lock(packages.digest(names), _debs(client, names))
    old = _old(file)
    if lock != old:
        lockfile.write(lock, file)
    return lockfile.changes(old.debs, lock.debs)


def renew_if_gone(file: Path, say: Say, sources: Sources = apt.sources) -> Changes | None:
    """Renew the lock if it has packages that are nowhere any more; return what changed.

    None, and the lock is as it was, if all of them are in the cache or come now.
    """
    try:
        debs.ready(lockfile.current(file).debs, say, sources)
    except debs.NotServed as gone:
        say(f"{gone}: a new lock is made, see git diff {file.name}")
        return renew(file, say, sources)
    return None


def told(changes: Changes) -> Iterator[str]:
    """Yield the lines that say what changed; one that says so if nothing did."""
    for deb in changes.added:
        yield f"added    {deb.name} {deb.version}"
    for deb in changes.removed:
        yield f"removed  {deb.name} {deb.version}"
    for old, new in changes.moved:
        yield f"changed  {new.name} {old.version} -> {new.version}"
    for deb in changes.rebuilt:
        yield f"replaced {deb.name} {deb.version}: same version, another file"
    if not changes:
        yield "nothing changed"


def _debs(client: apt.Apt, names: list[str]) -> tuple[Deb, ...]:
    idents = apt.resolve(client, names)
    served = apt.served(client, [ident.split("_")[0] for ident in idents])
    return tuple(sorted(served[ident] for ident in idents))


def _old(file: Path) -> Lock:
    try:
        return lockfile.read(file)
    except lockfile.BadLock:
        return Lock("", ())
