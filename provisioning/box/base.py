"""Debian and our packages as a tar: mmdebstrap over the locked packages' files."""

import hashlib
import os
import shlex
from pathlib import Path

from provisioning.box import cache, lockfile, packages, repository
from provisioning.box.archive import debs
from provisioning.box.cache import Say
from provisioning.box.lockfile import UPDATE, Lock
from provisioning.run import run
from services.core.errors import LabError

# What mmdebstrap takes from the host or from where the packages lay.
_OF_THE_HOST = ("etc/apt/sources.list", "etc/resolv.conf", "etc/hostname")
_IDENT = "${Package}_${Version}\\n"


def key(lock: Lock) -> str:
    """Return the key over all that goes into the tar."""
    recipe = "\n".join([lockfile.dump(lock), *_names(), *_options()])
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def path(lock: Lock) -> Path:
    """Return where the cache has the tar of `lock`, or would have it."""
    return cache.folder() / f"base-{key(lock)}.tar"


def tar(lock: Lock, epoch_s: int, say: Say) -> Path:
    """Return the tar, from the cache or from mmdebstrap. epoch_s: the latest time in it."""
    file = path(lock)
    if file.exists():
        say(f"packages: {file.name} is in the cache")
        cache.used(file)
        return file
    part = file.with_suffix(f".part-{os.getpid()}.tar")
    try:
        make(lock, part, epoch_s, say)
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return file


def make(lock: Lock, tar: Path, epoch_s: int, say: Say) -> None:
    """Write the tar to `tar`, from the packages' files alone.

    Raises LabError if other packages were installed than the locked ones.
    """
    debs.ready(lock.debs, say)
    say(f"packages: mmdebstrap installs the {len(lock.debs)} locked ones")
    files = [(deb, debs.path(deb)) for deb in lock.debs]
    with cache.workspace() as work:
        installed = work / "installed"
        _mmdebstrap(repository.make(files, work / "archive"), tar, installed, epoch_s)
        check(lock, set(installed.read_text().split()))


def check(lock: Lock, installed: set[str]) -> None:
    """Raise LabError unless exactly the locked packages are installed, as NAME_VERSION."""
    locked = {deb.ident for deb in lock.debs}
    if installed != locked:
        wrong = [f"-{one}" for one in sorted(locked - installed)]
        wrong += [f"+{one}" for one in sorted(installed - locked)]
        raise LabError(
            f"the installed packages are not the locked ones: {', '.join(wrong)}",
            hint=f"make a new lock: {UPDATE}",
        )


def _mmdebstrap(archive: str, tar: Path, installed: Path, epoch_s: int) -> None:
    query = f"dpkg-query --admindir=\"$1/var/lib/dpkg\" --show --showformat='{_IDENT}'"
    run(
        ["mmdebstrap", *_options(), f"--include={','.join(_names())}"]
        + [f"--customize-hook={query} > {shlex.quote(str(installed))}"]
        + [packages.SUITE, str(tar), archive],
        env={"SOURCE_DATE_EPOCH": str(epoch_s)},
        hint="is there room in /tmp? df -h /tmp",
    )


def _names() -> list[str]:
    names = packages.wanted(lockfile.GUEST.with_suffix(".txt"))
    return [name for name in names if name != packages.ESSENTIAL]


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
