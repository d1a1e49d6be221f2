"""Files for QEMU, where it may read them, whoever runs it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import paths


def share(
    source: Path,
    name: str,
    mode: int = 0o644,
    make: Callable[[Path, Path], object] = shutil.copyfile,
) -> Path:
    """Make the shared file `name` from `source`, unless it is there; return it.

    make: called with `source` and the file to write; by default the file becomes a copy.
    """
    target = paths.SHARED / "boot" / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{name}.{os.getpid()}")
        make(source, part)
        part.chmod(mode)
        part.rename(target)
    return target
