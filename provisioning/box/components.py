"""The parts of the bill of materials as CycloneDX components."""

from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from provisioning.box import dpkg, spdx, wheels
from provisioning.box.purl import purl
from services.lib.version import VERSION

PRODUCT = "pushpull-lab"
# The name of a property of each package.
INSTALLED_KIB = "debian:installed-size-kib"
# What is left of it in the box, in bytes.
KEPT_B = f"{PRODUCT}:size-in-the-box"
# Of the lab itself: provisioning.guest.source.digest of its code.
CODE = f"{PRODUCT}:source-digest"
# Where the guests keep the wheels and the lab's own code.
LAB = "opt/lab"
_LIBRARIES = {"libs", "oldlibs"}

Component = dict[str, Any]


def lab(root: Path) -> Component:
    """Return the lab's own code in the guest; its digest is that of provisioning.guest.source.

    Its size has the libraries in it, whose files nothing in the box lists one by one.
    """
    digest = root / LAB / "DIGEST"
    code = digest.read_text().strip() if digest.exists() else ""
    files = (path for path in (root / LAB).rglob("*") if path.is_file() and not path.is_symlink())
    kept = sum(path.stat().st_size for path in files)
    return {
        "type": "application",
        "bom-ref": f"{PRODUCT}@{VERSION}",
        "name": PRODUCT,
        "version": VERSION,
        "description": "the guest of the lab: its services in /opt/lab, on Debian",
        "licenses": [{"license": {"id": "MIT"}}],
        "properties": properties([(CODE, code), (KEPT_B, str(kept))]),
    }


def system(release: Mapping[str, str]) -> Component:
    """Return Debian itself. release: the fields of os-release(5)."""
    return {
        "type": "operating-system",
        "bom-ref": f"{release['ID']}@{release['VERSION_ID']}",
        "name": release["ID"],
        "version": release.get("DEBIAN_VERSION_FULL", release["VERSION_ID"]),
        "description": release["PRETTY_NAME"],
    }


def deb(package: dpkg.Package, release: Mapping[str, str], sha256: str) -> Component:
    """Return a package of Debian. sha256: of its file; empty if that is not known."""
    name, address = parseaddr(package.maintainer)
    qualifiers = {"arch": package.arch, "distro": release.get("VERSION_CODENAME", "")}
    ref = purl("deb", package.name, package.version, release["ID"], qualifiers)
    maintainer = {"name": name, "contact": [{"name": name, "email": address}]}
    return _filled(
        {
            "type": "library" if package.section in _LIBRARIES else "application",
            "bom-ref": ref,
            "supplier": maintainer if name and address else {},
            "name": package.name,
            "version": package.version,
            "description": package.summary,
            "hashes": _hashes(sha256),
            "licenses": _licences(package.licences),
            "purl": ref,
            "externalReferences": _website(package.homepage),
            "properties": properties(
                [
                    ("debian:source", package.source),
                    ("debian:source-version", package.source_version),
                    ("debian:section", package.section),
                    (INSTALLED_KIB, str(package.installed_kib)),
                    (KEPT_B, str(package.kept_b)),
                ]
            ),
        }
    )


def library(wheel: wheels.Wheel) -> Component:
    """Return a Python library, under its purl."""
    ref = purl("pypi", wheel.name, wheel.version)
    declared = [{"expression": wheel.expression}] if wheel.expression else []
    return _filled(
        {
            "type": "library",
            "bom-ref": ref,
            "name": wheel.name,
            "version": wheel.version,
            "description": wheel.summary,
            "hashes": _hashes(wheel.sha256),
            "licenses": declared or _licences([wheel.licence] if wheel.licence else []),
            "purl": ref,
            "externalReferences": _website(wheel.homepage),
        }
    )


def _licences(names: Iterable[str]) -> list[Component]:
    """Identifiers where SPDX has one, the given names otherwise; each once."""
    found = ((("id", known) if (known := spdx.identifier(n)) else ("name", n)) for n in names)
    return [{"license": {key: value}} for key, value in sorted(set(found))]


def _hashes(sha256: str) -> list[Component]:
    return [{"alg": "SHA-256", "content": sha256}] if sha256 else []


def _website(url: str) -> list[Component]:
    return [{"type": "website", "url": url}] if url else []


def properties(pairs: Iterable[tuple[str, str]]) -> list[Component]:
    """Return names and values as CycloneDX writes them; names may repeat, empty values go."""
    return [{"name": name, "value": value} for name, value in pairs if value]


def _filled(component: Component) -> Component:
    """Leave out what is not known, rather than to say that it is empty."""
    return {key: value for key, value in component.items() if value}
