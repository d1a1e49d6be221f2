"""Debian and our packages as a tar: mmdebstrap over the locked packages' files."""

import hashlib
import os
import tarfile
from pathlib import Path

from provisioning.box import cache, dpkg, lockfile, packages, repository
from provisioning.box.archive import debs
from provisioning.box.cache import Say
from provisioning.box.lockfile import UPDATE, Lock
from provisioning.run import run
from services.core.errors import LabError

_STATUS = "./var/lib/dpkg/status"
# What mmdebstrap takes from the host or from where the packages lay.
_OF_THE_HOST = ("etc/apt/sources.list", "etc/resolv.conf", "etc/hostname")


class Drifted(LabError):
    """mmdebstrap installed something else than what is locked."""

    def __init__(self, missing: set[str], extra: set[str]) -> None:
        told = [f"{sign}{ident}" for sign, some in (("-", missing), ("+", extra))
                for ident in sorted(some)]  # fmt: skip
        super().__init__(
            f"what was installed is not what the lock has: {', '.join(told)}",
            hint=f"make the lock anew: {UPDATE}",
        )


def key(lock: Lock) -> str:
    """Return the key over all that goes into the tar."""
    recipe = "\n".join([lockfile.dump(lock), *packages.wanted(), *_options()])
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def path(lock: Lock) -> Path:
    """Return where the cache has the tar of `lock`, or would have it."""
    return cache.folder() / f"base-{key(lock)}.tar"


def tar(lock: Lock, epoch_s: int, say: Say) -> Path:
    """Return the tar, from the cache or from mmdebstrap. epoch_s: the latest time in it."""
    file = path(lock)
    if file.exists():
        say(f"packages: {file.name} is in the cache")
        return file
    part = file.with_suffix(f".part-{os.getpid()}.tar")
    try:
        make(lock, part, epoch_s, say)
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return file


def make(lock: Lock, tar: Path, epoch_s: int, say: Say) -> None:
    """Write the tar to `tar`, from the packages' files alone."""
    debs.ready(lock.debs, say)
    say(f"packages: mmdebstrap installs the {len(lock.debs)} locked ones")
    files = [(deb, debs.path(deb)) for deb in lock.debs]
    with cache.workspace() as work:
        _mmdebstrap(repository.make(files, work / "archive"), tar, epoch_s)
    check(lock, tar)


def check(lock: Lock, file: Path) -> None:
    """Raise Drifted unless the packages installed in the tar are exactly the locked ones."""
    with tarfile.open(file) as archive:
        member = archive.extractfile(_STATUS)
        text = member.read().decode() if member else ""
    there = {
        f"{one['Package']}_{one['Version']}_{one['Architecture']}" for one in dpkg.stanzas(text)
    }
    wanted = {deb.ident for deb in lock.debs}
    if there != wanted:
        raise Drifted(wanted - there, there - wanted)


def _mmdebstrap(archive: str, tar: Path, epoch_s: int) -> None:
    run(
        ["mmdebstrap", *_options(), f"--include={','.join(packages.wanted())}"]
        + [packages.SUITE, str(tar), archive],
        env={"SOURCE_DATE_EPOCH": str(epoch_s)},
        hint="is there room in /tmp? df -h /tmp",
    )


def _options() -> list[str]:
    excluded = ("man", "locale", "info", "lintian", "doc")
    forgotten = " ".join(f'"$1/{name}"' for name in _OF_THE_HOST)
    return [
        "--mode=root",
        "--variant=essential",
        f"--architectures={packages.ARCH}",
        "--aptopt=APT::Install-Recommends false",
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in excluded),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook=rm -f {forgotten}",
    ]
