"""What a machine printed on its serial console: the last word of one that does not answer."""

import time
from pathlib import Path

from lab import paths


def file(name: str) -> Path:
    """Return where QEMU writes the console of machine `name`."""
    return paths.SHARED / "console" / f"{name}.log"


def silent_s(name: str) -> float:
    """Return for how many seconds machine `name` has printed nothing; 0 if it never did."""
    try:
        return time.time() - file(name).stat().st_mtime
    except OSError:
        return 0.0


def tail(name: str, lines: int = 3) -> str:
    """Return the last `lines` lines of the console on one line; a remark if there are none."""
    try:
        text = file(name).read_text(errors="replace").strip()
    except OSError:
        text = ""
    return " / ".join(text.splitlines()[-lines:]) or "(nothing; did QEMU start?)"
