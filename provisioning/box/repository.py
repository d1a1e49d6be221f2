"""A Debian archive in a folder, with the locked packages and no others, for mmdebstrap."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from provisioning.box.lockfile import Deb
from provisioning.box.packages import SUITE
from provisioning.run import run


def make(debs: Iterable[tuple[Deb, Path]], folder: Path) -> str:
    """Write the archive to `folder` and return its line for sources.list(5).

    debs: each with its file, whose content was checked: the line tells apt to trust the folder.
    """
    folder.mkdir()
    entries = [_entry(deb, file, folder) for deb, file in debs]
    index = "\n".join(entries).encode()
    (folder / "Packages").write_bytes(index)
    sha256 = hashlib.sha256(index).hexdigest()
    # mmdebstrap looks for essential packages in the suite of this name only.
    release = f"Suite: {SUITE}\nCodename: {SUITE}\nSHA256:\n {sha256} {len(index)} Packages\n"
    (folder / "Release").write_text(release)
    # copy:// and not file://, which would have to be reachable from within the chroot.
    return f"deb [trusted=yes] copy://{folder} ./"


def _entry(deb: Deb, file: Path, folder: Path) -> str:
    # Not by its version: colons and percent signs are escaped once or twice on apt's ways.
    name = f"{deb.sha256}.deb"
    _link(file, folder / name)
    control = run(["dpkg-deb", "--field", str(file)]).rstrip("\n")
    return f"{control}\nFilename: ./{name}\nSize: {file.stat().st_size}\nSHA256: {deb.sha256}\n"


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:  # across file systems, or where there are no links
        shutil.copyfile(file, name)
