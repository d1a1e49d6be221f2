"""Files for QEMU, where it may read them, also as another user."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab import paths
from provisioning.box import cache

# A saved machine asks for the wrapper that it began with, and that cannot be made again.
_KEPT = ("qemu-",)


def share(
    source: Path,
    name: str,
    mode: int = 0o644,
    make: Callable[[Path, Path], object] = shutil.copyfile,
) -> Path:
    """Make the shared file `name` from `source`, unless it is there; return it.

    make: called with `source` and the file to write; by default the file becomes a copy.
    """
    target = _folder() / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{name}.{os.getpid()}")
        make(source, part)
        part.chmod(mode)
        part.rename(target)
    return target


def prune() -> None:
    """Delete the files of boxes that the cache has no more; `share` makes them again. Idempotent.

    Not while there is a machine: it may be started again from them.
    """
    boxes = (folder.name.removeprefix("box-") for folder in cache.folder().glob("*-*"))
    kept = (*_KEPT, *(f"{name}-" for name in boxes))
    for file in _folder().glob("*"):
        if not file.name.startswith(kept):
            with suppress(OSError):  # gone meanwhile, or another user's
                file.unlink()


def _folder() -> Path:
    return paths.SHARED / "boot"
