"""The box's software bill of materials: a CycloneDX document, from what is in the box itself.

Packages are those of dpkg's status file, libraries those of the wheels' METADATA. Equal boxes
have equal documents: everything is sorted, the time is the box's, and the serial number is
derived from the content.
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from provisioning.box import components, dpkg, trim, wheels
from provisioning.box.components import PRODUCT, Component
from services.lib.version import VERSION

FILE = "sbom.cdx.json"
SPEC = "1.6"
# Of serial numbers: the same content has the same one, anywhere.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:{PRODUCT}:sbom")

Document = dict[str, Any]


def document(root: Path, *, at: str, deb_sha256: Mapping[str, str]) -> Document:
    """Return the bill of materials of the guest unpacked under `root`.

    at: the time to tell, as YYYY-MM-DDTHH:MM:SSZ. deb_sha256: NAME_VERSION_ARCH -> the hash of
    the package's file, where it is known. Raises OSError if `root` is no Debian.
    """
    packages = dpkg.installed(root)
    libraries = wheels.unpacked(root / components.LAB / "site")
    release = _os_release(root)
    system, lab = components.system(release), components.lab(root)
    debs = {
        one.name: components.deb(
            one, release, deb_sha256.get(f"{one.name}_{one.version}_{one.arch}", "")
        )
        for one in packages
    }
    pypi = {one.name: components.library(one) for one in libraries}
    needs = _needs(lab, [system, *pypi.values()]) | _needs(system, debs.values())
    for one in packages:
        needs |= _needs(debs[one.name], [debs[need] for need in one.needs])
    for wheel in libraries:
        needs |= _needs(pypi[wheel.name], [pypi[need] for need in wheel.needs])
    content = {
        "version": 1,
        "metadata": _metadata(lab, at),
        "components": sorted([system, *debs.values(), *pypi.values()], key=_ref),
        "dependencies": [{"ref": ref, "dependsOn": needs[ref]} for ref in sorted(needs)],
    }
    head = {"bomFormat": "CycloneDX", "specVersion": SPEC, "serialNumber": _serial(content)}
    return head | content


def dump(document: Document) -> str:
    """Return `document` as the text that is stored and printed."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def code(folder: Path) -> str:
    """Return the digest of the lab's code in the box in `folder`, see provisioning.guest.source.

    Empty if its bill tells none.
    """
    told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    properties = told["metadata"]["component"]["properties"]
    return next((str(one["value"]) for one in properties if one["name"] == components.CODE), "")


def largest(document: Document) -> list[tuple[str, int]]:
    """Return (name and version, bytes in the box) of each part that has a size, largest first.

    The lab itself is one part, with the Python libraries.
    """
    ours = document["metadata"]["component"]
    named = [(f"{one['name']} {one['version']}", one) for one in document["components"]]
    named.append((f"{ours['name']} {ours['version']} with its libraries", ours))
    sizes = [
        (name, int(fact["value"]))
        for name, part in named
        for fact in part.get("properties", [])
        if fact["name"] == components.KEPT_B
    ]
    return sorted(sizes, key=lambda part: (-part[1], part[0]))


def _serial(content: Document) -> str:
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True))}"


def _ref(component: Component) -> str:
    return str(component["bom-ref"])


def _needs(one: Component, needed: Iterable[Component]) -> dict[str, list[str]]:
    return {_ref(one): sorted({_ref(other) for other in needed})}


def _metadata(lab: Component, at: str) -> Document:
    tool = {"type": "application", "name": f"{PRODUCT} provisioning.box.sbom", "version": VERSION}
    # Files that are gone although their package is listed.
    removed = ((f"{PRODUCT}:removed", pattern) for pattern in trim.REMOVED)
    return {
        "timestamp": at,
        "lifecycles": [{"phase": "build"}],
        "tools": {"components": [tool]},
        "component": lab,
        "properties": components.properties(removed),
    }


def _os_release(root: Path) -> dict[str, str]:
    text = (root / "usr/lib/os-release").read_text(encoding="utf-8")
    return dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
