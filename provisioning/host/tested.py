"""The versions that the lab was tested with: a file that `lab doctor --record` writes."""

import json
from collections.abc import Iterable
from pathlib import Path

from provisioning.host.check import Check

FILE = Path(__file__).with_name("tested.json")


def load() -> dict[str, str]:
    """Return name of a check -> version, as recorded on one machine."""
    versions: dict[str, str] = json.loads(FILE.read_text())
    return versions


def record(checks: Iterable[Check]) -> None:
    """Make what `checks` found the tested versions. What has no version is left out."""
    versions = {check.name: check.version for check in checks if check.found and check.version}
    FILE.write_text(json.dumps(versions, indent=1) + "\n")


def annotate(checks: Iterable[Check]) -> list[Check]:
    """Return `checks` with the tested version in each."""
    versions = load()
    return [check._replace(tested=versions.get(check.name, "")) for check in checks]
