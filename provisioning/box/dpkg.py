"""What dpkg knows of an unpacked root: packages, what they need, and their licences."""

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_STATUS = "var/lib/dpkg/status"
_SOURCE = re.compile(r"(?P<name>\S+)(?: \((?P<version>\S+)\))?")
# The head of a copyright file that programs can read (copyright-format/1.0).
_MACHINE_READABLE = re.compile(r"^Format:.*copyright-format", re.MULTILINE)
# A stanza about files, and the first line of its licence: "GPL-2+ or Artistic".
_LICENSE = re.compile(r"^License:[ \t]*(?P<names>\S[^\n]*)$", re.MULTILINE)


class Package(NamedTuple):
    """One installed package, as dpkg's status file and its copyright file describe it.

    installed_kib: dpkg's Installed-Size, before anything was trimmed. kept_b: bytes of those of
    its files that are still there. needs: names of installed packages. licences: short names as
    Debian writes them, sorted; empty where the copyright file is prose.
    """

    name: str
    version: str
    arch: str
    source: str
    source_version: str
    section: str
    maintainer: str
    homepage: str
    summary: str
    installed_kib: int
    kept_b: int
    needs: tuple[str, ...]
    licences: tuple[str, ...]


def installed(root: Path) -> list[Package]:
    """Return the packages installed under `root`, sorted by name.

    Raises OSError where `root` has no status file: it is no Debian.
    """
    there = [
        stanza
        for stanza in stanzas((root / _STATUS).read_text(encoding="utf-8"))
        if stanza.get("Status", "").endswith(" installed")
    ]
    providers = _providers(there)
    found = (_package(root, stanza, providers) for stanza in there)
    return sorted(found, key=lambda package: package.name)


def licences(root: Path, package: str) -> tuple[str, ...]:
    """Return the licences that the copyright file of `package` names, sorted."""
    file = root / "usr/share/doc" / package / "copyright"
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    if not _MACHINE_READABLE.search(text):
        return ()
    parts = re.split(r"\n[ \t]*\n", text)
    about_files = (s for s in parts if re.search(r"^(Files|Format):", s, re.MULTILINE))
    names = (match["names"].strip() for s in about_files for match in _LICENSE.finditer(s))
    return tuple(sorted(set(names)))


def kept(root: Path, name: str, arch: str) -> int:
    """Return the bytes of the files of a package that are still under `root`.

    A file that its package compressed and that was unpacked in place counts as it is now.
    """
    info = root / "var/lib/dpkg/info"
    lists = (info / f"{name}.list", info / f"{name}:{arch}.list")
    text = next((file.read_text(encoding="utf-8") for file in lists if file.exists()), "")
    top = root.resolve()
    paths = (root / line.lstrip("/") for line in text.splitlines() if line != "/.")
    return sum(_size(path, top) or _size(path.with_suffix(""), top) for path in paths)


def _size(path: Path, top: Path) -> int:
    """Of a plain file below `top`. A folder that is a link may lead to the host's own files."""
    try:
        about = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    inside = path.parent.resolve().is_relative_to(top)
    return about.st_size if inside and stat.S_ISREG(about.st_mode) else 0


def _package(root: Path, stanza: Mapping[str, str], providers: Mapping[str, str]) -> Package:
    name, version = stanza["Package"], stanza["Version"]
    source = _SOURCE.fullmatch(stanza.get("Source", name))
    wanted = f"{stanza.get('Pre-Depends', '')},{stanza.get('Depends', '')}"
    needs = {need for need in _satisfied(wanted, providers) if need != name}
    return Package(
        name=name,
        version=version,
        arch=stanza["Architecture"],
        source=source["name"] if source else name,
        source_version=(source["version"] if source else None) or version,
        section=stanza.get("Section", ""),
        maintainer=stanza.get("Maintainer", ""),
        homepage=stanza.get("Homepage", ""),
        summary=stanza.get("Description", "").splitlines()[0] if "Description" in stanza else "",
        installed_kib=int(stanza.get("Installed-Size", "0")),
        kept_b=kept(root, name, stanza["Architecture"]),
        needs=tuple(sorted(needs)),
        licences=licences(root, name),
    )


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each stanza of a file in Debian's control format."""
    for block in text.strip().split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith((" ", "\t")):
                fields[name] += f"\n{line}"
            else:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        yield fields


def _providers(installed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return every name that can be depended upon -> the installed package that satisfies it."""
    virtual = {
        name: stanza["Package"]
        for stanza in installed
        for group in _groups(stanza.get("Provides", ""))
        for name in group
    }
    return virtual | {stanza["Package"]: stanza["Package"] for stanza in installed}


def _satisfied(wanted: str, providers: Mapping[str, str]) -> Iterator[str]:
    """Yield, for each dependency, the first of its alternatives that is installed."""
    for group in _groups(wanted):
        there = [providers[name] for name in group if name in providers]
        yield from there[:1]


def _groups(field: str) -> Iterator[list[str]]:
    """Yield the names in "a (>= 1) | b, c:any" as [a, b], [c]."""
    for group in field.split(","):
        names = (re.match(r"[a-z0-9][a-z0-9+.-]*", name.strip()) for name in group.split("|"))
        if found := [match[0] for match in names if match]:
            yield found
