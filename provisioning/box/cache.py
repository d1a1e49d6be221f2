"""What is expensive and shared by all checkouts: packages, wheels, boxes, and room to build."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from provisioning.box import manifest
from provisioning.box.manifest import Facts
from provisioning.run import run
from services.core.errors import LabError

NAME = "pushpull-lab"
# The guest's; the lock was made for it.
PYTHON = "3.13"
# Of the folder of libraries: 3 has versions in wheels.json.
_LAYOUT = 3
_KEEP = 4
_STALE_S = 3600
_LOCK = Path(__file__).parents[1] / "guest" / "requirements.lock"

Say = Callable[[str], None]


def folder() -> Path:
    """Return the folder of what is expensive and shared by all checkouts: LAB_CACHE or ~/.cache."""
    if os.environ.get("LAB_CACHE"):
        return Path(os.environ["LAB_CACHE"]).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / NAME


def site(say: Say) -> Path:
    """Return the guests' Python libraries, from the cache or from the package index."""
    key = hashlib.sha256(f"{_LAYOUT}\n{PYTHON}\n{_LOCK.read_text()}".encode()).hexdigest()[:16]
    site = folder() / f"site-{key}"
    if not site.exists():
        say("wheels: from the package index, by the hashes of the lock")
        with workspace() as work:
            unpack_wheels(work / "site")
            (work / "site").rename(site)
    return site


def unpack_wheels(site: Path) -> None:
    """Install the guests' Python libraries into the new folder `site`, by the lock's hashes."""
    report = site.with_name("report.json")
    run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        + ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
        + [f"--platform=manylinux_2_{minor}_x86_64" for minor in (28, 17)]
        + ["--platform=manylinux2014_x86_64", f"--abi=cp{PYTHON.replace('.', '')}"]
        + ["--abi=abi3", "--abi=none", "--no-compile", f"--target={site}"]
        # pip asks this of the Python it runs under; the lock was made for the guest's.
        + ["--ignore-requires-python"]
        + [f"--report={report}", "-r", str(_LOCK)],
        hint="is there a way to the package index? lock: provisioning/guest/requirements.lock",
    )
    shutil.rmtree(site / "bin", ignore_errors=True)
    wheels = installed(json.loads(report.read_text()))
    (site / manifest.WHEELS).write_text(json.dumps(wheels, indent=1, sort_keys=True) + "\n")


def installed(report: dict[str, Any]) -> dict[str, Facts]:
    """Return name -> version and SHA-256 of every wheel in pip's installation report.

    The lock has a hash for each platform, and a wheel that was unpacked does not say its own.
    """
    return {
        item["metadata"]["name"]: {
            "version": item["metadata"]["version"],
            "sha256": item["download_info"]["archive_info"]["hashes"]["sha256"],
        }
        for item in report["install"]
    }


class NotOurs(LabError):
    """The cache belongs to another user: as a rule, to root."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"only its owner may write to {path}",
            hint=f"sudo chown -R $(id -un) {path}; or choose another: LAB_CACHE=FOLDER",
        )
        self.path = path


def ready() -> None:
    """Make the cache's folder as this user: made under sudo it would be root's."""
    folder().mkdir(parents=True, exist_ok=True)
    if not os.access(folder(), os.W_OK):
        raise NotOurs(folder())


@contextmanager
def scratch() -> Iterator[Path]:
    """A scratch folder of which nothing is kept: in the cache if we may, else wherever we may."""
    try:
        ready()
    except (NotOurs, OSError):
        with tempfile.TemporaryDirectory() as work:
            yield Path(work)
    else:
        with workspace() as work:
            yield work


@contextmanager
def workspace() -> Iterator[Path]:
    """A scratch folder in the cache: the same file system, so that the end is a rename.

    Raises NotOurs where only another user may write to the cache.
    """
    ready()
    _sweep()
    work = Path(tempfile.mkdtemp(prefix="work-", dir=folder()))
    work.chmod(0o755)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep() -> None:
    """Delete what builds that were killed left here; those that run are younger."""
    for left in [*folder().glob("work-*"), *folder().glob("*.part-*")]:
        with suppress(OSError):  # gone meanwhile, or another user's
            if time.time() - left.stat().st_mtime <= _STALE_S:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def used(path: Path) -> None:
    """Take down that `path`, in the cache, is in use; prune() looks at that."""
    with suppress(OSError):  # another user's
        os.utime(path)


def prune(kept: Path) -> None:
    """Keep `kept` and those of each kind that were used last: checkouts share them.

    Each edit of a unit file makes a box, each lock a tar of packages, and a verification that
    failed leaves two folders.
    """
    for pattern, count in (("box-*", _KEEP), ("base-*.tar", 2), ("tools-*", 2), ("verify-*", 2)):
        found = sorted(folder().glob(pattern), key=lambda path: path.stat().st_mtime)
        for old in found[:-count]:
            if old.is_dir() and old != kept:
                shutil.rmtree(old, ignore_errors=True)
            elif old.is_file() and ".part-" not in old.name:
                old.unlink(missing_ok=True)
