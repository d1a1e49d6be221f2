"""The tools that shape a box's bytes, from their own locked packages and not from the host.

They are unpacked, not installed: their own dynamic linker starts them with their own libraries.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from provisioning.box import cache, lockfile
from provisioning.box.archive import debs
from provisioning.box.cache import Say
from provisioning.box.lockfile import Lock
from provisioning.run import run

_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_LINKER = f"{_LIBRARIES}/ld-linux-x86-64.so.2"


class Tools(NamedTuple):
    """root: where the packages are unpacked; "/" has the host's own tools."""

    root: Path

    def run(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> str:
        """Run a program of `root` and return its standard output; raises ToolFailed."""
        places = (self.root / folder / argv[0] for folder in ("usr/sbin", "usr/bin"))
        program = next((str(place) for place in places if place.exists()), argv[0])
        linker = [str(self.root / _LINKER), "--library-path", str(self.root / _LIBRARIES)]
        # Features are spelled out where a file system is made; the host's file is not asked.
        settings = {"MKE2FS_CONFIG": str(self.root / "etc/mke2fs.conf")}
        return run([*linker, program, *argv[1:]], env={**settings, **(env or {})})


def key(lock: Lock) -> str:
    """Return the key over all that goes into the tools' root."""
    return hashlib.sha256(lockfile.dump(lock).encode()).hexdigest()[:16]


def path(lock: Lock) -> Path:
    """Return where the cache has the tools of `lock`, or would have them."""
    return cache.folder() / f"tools-{key(lock)}"


def ready(lock: Lock, say: Say) -> Tools:
    """Return the tools, from the cache or from their packages."""
    root = path(lock)
    if not root.exists():
        with cache.workspace() as work:
            unpack(lock, work / "tools", say).root.rename(root)
    cache.used(root)
    return Tools(root)


def unpack(lock: Lock, root: Path, say: Say) -> Tools:
    """Unpack the tools' packages into `root`; return the tools there."""
    debs.ready(lock.debs, say)
    say(f"tools: unpack {len(lock.debs)} packages")
    for deb in lock.debs:
        run(["dpkg-deb", "--extract", str(debs.path(deb)), str(root)])
    return Tools(root)
