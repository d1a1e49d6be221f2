"""Write a small file whole or not at all."""

import os
from pathlib import Path


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Make `text` the content of `path`: a reader gets all of it, or what was there before.

    mode: who may read it, also while it is written. Raises OSError.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.touch(mode=mode)
    part.write_text(text)
    part.replace(path)
