"""What a machine printed on its serial console: the last word of one that does not answer."""

from pathlib import Path

from lab import paths


def file(name: str) -> Path:
    """Return where QEMU writes the console of machine `name`."""
    return paths.SHARED / "console" / f"{name}.log"


def tail(name: str, lines: int = 3) -> str:
    """Return the last `lines` lines of the console on one line; a remark if there are none."""
    try:
        text = file(name).read_text(errors="replace").strip()
    except OSError:
        text = ""
    return " / ".join(text.splitlines()[-lines:]) or "(nothing; did QEMU start?)"
