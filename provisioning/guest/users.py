"""The users of the long-lived services: each owns its files, which no other user reads.

systemd-sysusers makes them, in the chroot of a box build as on a running machine. The service of
that name is masked: the image is complete when it boots.
"""

import subprocess
from pathlib import Path

NAMES = ("lab-door", "lab-pull", "lab-push")
# Into /etc/shadow goes a day, and the same inputs must give the same image.
_DAY_S = 1_767_225_600


def missing(root: Path) -> list[str]:
    """Return which of NAMES the system under `root` lacks."""
    lines = (root / "etc/passwd").read_text().splitlines()
    known = {line.partition(":")[0] for line in lines}
    return [name for name in NAMES if name not in known]


def ensure(root: Path) -> list[str]:
    """Make the users that are missing, and return them. Idempotent."""
    lacking = missing(root)
    if lacking:
        # Not as a file of sysusers.d(5): whether --root= counts for its path differs by version.
        lines = [f'u {name} - "Service of the lab"' for name in lacking]
        subprocess.run(
            ["systemd-sysusers", f"--root={root}", "--inline", *lines],
            env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": str(_DAY_S)},
            check=True,
        )
    return lacking
