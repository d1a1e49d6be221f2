"""What is asked for: Debian's suite, and the packages of packages.txt and tools.txt."""

import hashlib
from pathlib import Path

# Debian 13: docs/decisions/0002-guest-debian-13.md has the comparison with 12.
SUITE = "trixie"
ARCH = "amd64"
# Asked of apt, which installs nothing by itself; mmdebstrap does.
ESSENTIAL = "?essential"


def wanted(file: Path) -> list[str]:
    """Return the names in `file`, in its order, without comments."""
    lines = (line.strip() for line in file.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def digest(names: list[str]) -> str:
    """Return the digest by which a lock knows what it was made for; order does not matter."""
    return hashlib.sha256("\n".join([SUITE, ARCH, *sorted(names)]).encode()).hexdigest()[:16]
