"""The wheels that requirements.lock names, collected so that .venv can be made without internet."""

import hashlib
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from provisioning.box import cache
from provisioning.box.cache import Say
from provisioning.run import run

_LOCK = Path(__file__).parents[2] / "requirements.lock"


def python() -> str:
    """Return for which Python and which computers wheels are collected here: cp311-linux-x86_64."""
    version = "".join(platform.python_version_tuple()[:2])
    name = {"cpython": "cp"}.get(sys.implementation.name, sys.implementation.name)
    return f"{name}{version}-{sysconfig.get_platform()}"


def key() -> str:
    """Return the key of the wheels that this checkout's lock asks for under this Python."""
    return hashlib.sha256(f"{python()}\n{_LOCK.read_text()}".encode()).hexdigest()[:16]


def folder(wheels: str) -> Path:
    """Return where the wheels with that key are, or would be."""
    return cache.folder() / "wheels" / wheels


def collect(say: Say) -> Path:
    """Return the folder with the wheels of this checkout's lock, from the package index if need be.

    pip checks each by the hashes of the lock. Whole or not at all.
    """
    found = folder(key())
    if found.exists():
        say(f"wheels: {found} has them")
        return found
    say("wheels: from the package index, by the hashes of the lock")
    with cache.workspace() as work:
        part = work / "wheels"
        run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
            + ["--no-deps", "--require-hashes", "--only-binary=:all:"]
            + [f"--dest={part}", "-r", str(_LOCK)],
            hint="is there a way to the package index? `lab bundle export --no-wheels` needs none",
        )
        found.parent.mkdir(exist_ok=True)
        part.rename(found)
    _prune(found)
    return found


def _prune(kept: Path) -> None:
    """Delete what another lock left behind, save the newest: another checkout may need it."""
    others = [one for one in kept.parent.iterdir() if one != kept]
    for old in sorted(others, key=lambda one: one.stat().st_mtime)[:-1]:
        shutil.rmtree(old, ignore_errors=True)
