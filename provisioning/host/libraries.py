"""The Python that runs the lab, and whether its libraries are those of the lock."""

import platform
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from provisioning.host.check import Check

LOCK = Path(__file__).parents[2] / "requirements.lock"
_OLDEST = (3, 11)
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<marker>\s*;)?", re.M)
# pip comes with the environment, and the lab itself is installed in place.
_BESIDES = {"pip", "pushpull-lab"}


class Pin(NamedTuple):
    """One library of the lock: the versions it may have here, and whether it must be here.

    A lock for every platform has lines that hold for some of them only.
    """

    versions: frozenset[str]
    required: bool


def checks() -> list[Check]:
    """Return what is known of Python, pip and the libraries of this environment."""
    good = sys.version_info >= _OLDEST
    oldest = ".".join(map(str, _OLDEST))
    version, here = platform.python_version(), installed()
    return [
        Check("python", good, sys.executable, f"make PYTHON=python{oldest} venv", version),
        Check("pip", "pip" in here, sys.prefix, "make venv", here.get("pip", "")),
        against(pins(LOCK.read_text()), here),
    ]


def pins(lock: str) -> dict[str, Pin]:
    """Return name -> Pin of every library in the text of a lock."""
    found: dict[str, Pin] = {}
    for match in _PIN.finditer(lock):
        name = _normalized(match["name"])
        before = found.get(name, Pin(frozenset(), False))
        versions = before.versions | {match["version"]}
        found[name] = Pin(versions, before.required or not match["marker"])
    return found


def installed() -> dict[str, str]:
    """Return name -> version of the libraries that this process can import."""
    return {_normalized(one.name): one.version for one in metadata.distributions()}


def against(lock: Mapping[str, Pin], here: Mapping[str, str]) -> Check:
    """Return how the libraries `here` differ from the `lock`; others than locked are missing."""
    absent = sorted(name for name, pin in lock.items() if pin.required and name not in here)
    other = sorted(
        f"{name} {here[name]}"
        for name, pin in lock.items()
        if name in here and here[name] not in pin.versions
    )
    more = sorted(here.keys() - lock.keys() - _BESIDES)
    parts = {"missing": absent, "not as locked": other, "not in the lock": more}
    detail = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
    same = f"{len(lock.keys() & here.keys())} as in {LOCK.name}"
    return Check("python libraries", not absent and not other, detail or same, "make venv")


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
