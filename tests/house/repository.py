"""What is in the repository, for tests that look at all of it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked(*patterns: str) -> list[Path]:
    """Every file of the repository that matches one of `patterns`, as git globs them.

    Files that are new and not ignored count too: what is wrong with them is wrong now.
    """
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = sorted({ROOT / name for name in names.split("\0") if name})
    assert paths, f"nothing matches {patterns}"
    return [path for path in paths if path.is_file()]


def name(path: Path) -> str:
    """The path as people write it: relative to the repository."""
    return path.relative_to(ROOT).as_posix()
