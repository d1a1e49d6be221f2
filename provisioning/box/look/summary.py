"""What is in one box, in short: its size, its hashes, and the largest of its packages."""

import json
import tarfile
from pathlib import Path
from typing import NamedTuple

from provisioning.box import build, pack, sbom
from provisioning.box.look import contents
from services.core.errors import LabError


class BoxSummary(NamedTuple):
    """hashes: name -> SHA-256. largest: (name and version, bytes in the box), largest first.

    bill: the file of the bill of materials; "" where it is only inside the box file.
    """

    file: str
    size_b: int
    hashes: dict[str, str]
    debian_packages: int
    python_libraries: int
    largest: list[tuple[str, int]]
    bill: str


def find(word: str) -> Path:
    """Return the box file that `word` names, as contents.find; "" is the one of this checkout."""
    if word:
        return contents.find(word)
    box = build.wanted()
    if not build.exists(box):
        raise LabError(f"the box of this checkout, {box.key}, is not built", hint="lab box build")
    return box.file


def bill(file: Path) -> str:
    """Return the bill of materials in a box file, as it was written."""
    try:
        with tarfile.open(file) as archive:
            member = archive.extractfile(sbom.FILE)
            return member.read().decode() if member else ""
    except (tarfile.TarError, EOFError, KeyError) as error:
        raise LabError(
            f"{file} has no bill of materials: {error}",
            hint="boxes that were built before there was one have none: lab box build",
        ) from None


def summary(file: Path) -> BoxSummary:
    """Return what there is to say of the box in `file`.

    Hashes are the manifest's, if that lies beside it; those of the members otherwise.
    """
    document = json.loads(bill(file))
    purls = [one.get("purl", "") for one in document["components"]]
    beside = file.with_name(sbom.FILE)
    listed = file.with_name(pack.MANIFEST).exists()
    return BoxSummary(
        file=str(file),
        size_b=file.stat().st_size,
        hashes=pack.manifest(file.parent) if listed else contents.parts(file),
        debian_packages=sum(purl.startswith("pkg:deb/") for purl in purls),
        python_libraries=sum(purl.startswith("pkg:pypi/") for purl in purls),
        largest=sbom.largest(document),
        bill=str(beside) if beside.exists() else "",
    )
