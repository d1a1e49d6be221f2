"""Make the lock anew: what the archive would install today, by version and hash."""

import re
from collections.abc import Iterator
from pathlib import Path

from provisioning.box import cache, lockfile, packages
from provisioning.box.archive import apt, debs
from provisioning.box.archive.debs import Sources
from provisioning.box.cache import Say
from provisioning.box.lockfile import Changes, Deb, Lock

# `deb [signed-by=…] URI trixie main`: the third word is the suite.
_SUITE = re.compile(r"^deb\s+(?:\[[^]]*\]\s+)?\S+\s+(?P<suite>\S+)", re.MULTILINE)


def renew(say: Say, sources: Sources = apt.sources, file: Path = lockfile.FILE) -> Changes:
    """Write the lock for today's packages.txt and today's archive; return what changed.

    An equal lock is not written at all. A lock that cannot be read counts as empty.
    """
    names = packages.wanted()
    with cache.scratch() as work:
        listed = sources(work)
        say(f"lock: asking the archive for {packages.SUITE} and its updates")
        client = apt.opened(work / "apt", listed)
        say(f"lock: resolving {len(names)} packages and what they need")
        debs = _debs(client, names)
    old = _old(file)
    lock = Lock(suites(listed), packages.digest(names), debs)
    if lock != old:
        lockfile.write(lock, file)
    return lockfile.changes(old.debs, lock.debs)


def renew_if_gone(
    say: Say, sources: Sources = apt.sources, file: Path = lockfile.FILE
) -> Changes | None:
    """Renew the lock if it has packages that are nowhere any more; return what changed.

    None, and the lock is as it was, if all of them are in the cache or come now.
    """
    try:
        debs.ready(lockfile.current(file).debs, say, sources)
    except debs.NotServed as gone:
        say(f"{gone}: locked anew, see git diff {lockfile.FILE.name}")
        return renew(say, sources, file)
    return None


def suites(sources: str) -> tuple[str, ...]:
    """Return the suites of a sources.list, in its order, each once; no host's name."""
    return tuple(dict.fromkeys(match["suite"] for match in _SUITE.finditer(sources)))


def told(changes: Changes) -> Iterator[str]:
    """Yield the lines that say what changed; one that says so if nothing did."""
    for deb in changes.added:
        yield f"added    {deb.name} {deb.version}"
    for deb in changes.removed:
        yield f"removed  {deb.name} {deb.version}"
    for old, new in changes.moved:
        yield f"changed  {new.name} {old.version} -> {new.version}{_arch(old, new)}"
    for deb in changes.rebuilt:
        yield f"replaced {deb.name} {deb.version}: same version, another file"
    if not changes:
        yield "nothing changed"


def _arch(old: Deb, new: Deb) -> str:
    return f" ({old.arch} -> {new.arch})" if old.arch != new.arch else ""


def _debs(client: apt.Apt, names: list[str]) -> tuple[Deb, ...]:
    idents = apt.resolve(client, names)
    served = apt.served(client, [ident.split("_")[0] for ident in idents])
    return tuple(sorted(served[ident] for ident in idents))


def _old(file: Path) -> Lock:
    try:
        return lockfile.read(file)
    except lockfile.BadLock:
        return Lock((), "", ())
