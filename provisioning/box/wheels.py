"""What the wheels in a folder of Python libraries say of themselves."""

import email.parser
import json
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple

# In the folder of libraries: name -> the sha256 of the wheel that was unpacked.
HASHES = "wheels.json"
_WEBSITE = re.compile(r"(home-?page|source|repository|github)\s*,\s*(?P<url>\S+)", re.IGNORECASE)


class Wheel(NamedTuple):
    """One unpacked wheel, from its METADATA.

    name: as the package index writes it in addresses. sha256: of the wheel's file, empty where
    the installation did not record it. expression: an SPDX expression, where the wheel has one;
    licence: its older free text otherwise. needs: names of wheels of the same folder.
    """

    name: str
    version: str
    sha256: str
    expression: str
    licence: str
    summary: str
    homepage: str
    needs: tuple[str, ...]


def unpacked(site: Path) -> list[Wheel]:
    """Return the wheels that were unpacked into `site`, sorted by name; none if it is absent."""
    parser = email.parser.HeaderParser()
    files = sorted(site.glob("*.dist-info/METADATA"))
    metadata = [parser.parsestr(file.read_text(encoding="utf-8")) for file in files]
    known = {normalized(message["Name"]) for message in metadata}
    hashes: dict[str, str] = {}
    if (site / HASHES).exists():
        hashes = json.loads((site / HASHES).read_text(encoding="utf-8"))
    return sorted((_wheel(message, known, hashes) for message in metadata), key=lambda w: w.name)


def hashes(report: dict[str, Any]) -> dict[str, str]:
    """Return name -> sha256 of every wheel in pip's installation report."""
    return {
        normalized(item["metadata"]["name"]): item["download_info"]["archive_info"]["hashes"][
            "sha256"
        ]
        for item in report["install"]
    }


def normalized(name: str) -> str:
    """Return the one way to write a project's name: zope.event and Zope_Event are the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wheel(message: "Message[str, str]", known: set[str], hashes: dict[str, str]) -> Wheel:
    name = normalized(message["Name"])
    return Wheel(
        name=name,
        version=message["Version"],
        sha256=hashes.get(name, ""),
        expression=message.get("License-Expression", ""),
        licence=message.get("License", "").partition("\n")[0],
        summary=message.get("Summary", ""),
        homepage=_homepage(message),
        needs=tuple(sorted(set(_needs(message)) & known)),
    )


def _needs(message: "Message[str, str]") -> Iterator[str]:
    """Yield what the wheel needs without its extras.

    Markers are left alone otherwise: the lock was resolved for the guest, so what a marker
    excludes is not in the folder.
    """
    for line in message.get_all("Requires-Dist", []):
        requirement, _, marker = line.partition(";")
        name = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
        if name and "extra" not in marker:
            yield normalized(name[0])


def _homepage(message: "Message[str, str]") -> str:
    if message.get("Home-page"):
        return str(message["Home-page"])
    urls = message.get_all("Project-URL", [])
    found = (match["url"] for url in urls if (match := _WEBSITE.match(url)))
    return next(found, "")
