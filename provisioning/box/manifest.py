"""The manifest beside a box: what was built and what is in it. Equal boxes have equal manifests."""

import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from provisioning.box.lockfile import Deb
from services.core.errors import LabError

FILE = "manifest.json"
# Where the guests keep the lab's code, and below it their Python libraries.
_LAB = "opt/lab"
# In the folder of Python libraries: name -> version and SHA-256 of each wheel.
WHEELS = "wheels.json"
# Folders that deep are the parts of a box whose sizes are worth a look.
_DEPTH = 3

Facts = dict[str, str]


class Manifest(NamedTuple):
    """What is known of a box, by name. Every fact is text, so that any two can be compared.

    code: digest of the lab's own code, see provisioning.guest.source. parts: size and SHA-256 of
    each file of the box. packages, wheels: version and SHA-256. files: of the root file system;
    mode with its type in octal, owner, time, then size and SHA-256, link or device, and attributes.
    """

    code: str
    parts: dict[str, Facts]
    packages: dict[str, Facts]
    wheels: dict[str, Facts]
    files: dict[str, Facts]


def of(root: Path, debs: Iterable[Deb]) -> Manifest:
    """Return the manifest of the guest in `root`, without parts yet. debs: what is installed."""
    return Manifest(
        code=(root / _LAB / "DIGEST").read_text().strip(),
        parts={},
        packages={deb.name: {"version": deb.version, "sha256": deb.sha256} for deb in debs},
        wheels=json.loads((root / _LAB / "site" / WHEELS).read_text()),
        files={path.relative_to(root).as_posix(): _facts(path) for path in sorted(root.rglob("*"))},
    )


def part(file: Path) -> Facts:
    """Return size and SHA-256 of a plain file."""
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"size": str(file.stat().st_size), "sha256": sha256}


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest of the box in `folder`; a box without one is not whole."""
    (folder / FILE).write_text(json.dumps(manifest._asdict(), indent=1) + "\n")


def read(folder: Path) -> Manifest:
    """Return the manifest of the box in `folder`. Raises LabError where there is none to read."""
    try:
        return Manifest(**json.loads((folder / FILE).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise LabError(
            f"{folder} has no readable {FILE}: {error}",
            hint="a box of an older lab has another one; `lab box build` builds this checkout's",
        ) from None


def largest(manifest: Manifest) -> list[tuple[str, int]]:
    """Return (folder, bytes in it) before compression, largest first; every file counts once."""
    sizes_b: Counter[str] = Counter()
    for path, facts in manifest.files.items():
        folders = path.split("/")[:-1]
        sizes_b["/" + "/".join(folders[:_DEPTH])] += int(facts.get("size", 0))
    return sizes_b.most_common()


def _facts(path: Path) -> Facts:
    about = path.lstat()
    time = datetime.fromtimestamp(int(about.st_mtime), UTC)
    facts = {
        "mode": f"{about.st_mode:06o}",
        "owner": f"{about.st_uid}:{about.st_gid}",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if stat.S_ISREG(about.st_mode):
        facts |= part(path)
    elif stat.S_ISLNK(about.st_mode):
        facts["link"] = str(path.readlink())
    elif stat.S_ISCHR(about.st_mode) or stat.S_ISBLK(about.st_mode):
        facts["device"] = f"{os.major(about.st_rdev)}:{os.minor(about.st_rdev)}"
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        facts[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    return facts
