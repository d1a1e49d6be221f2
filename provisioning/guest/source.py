"""What travels from a checkout into the guests, and the digest by which both sides know it."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# For those who look around inside a VM.
_ALONG = ("README.md", "LICENSE")
# setup.py and what it reads, and everything that runs inside the VMs.
PARTS = ("services", "provisioning", *_ALONG)
# The image recipe and the host's set-up stay at home.
_LEFT_OUT = ("provisioning/box", "provisioning/host")


def files(root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) of every file that travels, in order of names."""
    found = []
    for part in PARTS:
        top = root / part
        for path in [top] if top.is_file() else top.rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not name.startswith(_LEFT_OUT) and "__pycache__" not in name:
                found.append((name, path))
    return iter(sorted(found))


def digest(root: Path = ROOT) -> str:
    """Return the sha256 over names, modes and contents of all that travels and runs or is read.

    Not of README.md and LICENSE, which only travel along: another word there is no other lab.
    """
    total = hashlib.sha256()
    for name, path in files(root):
        if name in _ALONG:
            continue
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name} {_mode(path):o} {content}\n".encode())
    return total.hexdigest()


def archive(root: Path = ROOT) -> bytes:
    """Return all files that travel as an uncompressed tar with no times and no owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, path in files(root):
            info = tarfile.TarInfo(name)
            info.size = path.stat().st_size
            info.mode = _mode(path)
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    return buffer.getvalue()


def _mode(path: Path) -> int:
    """git keeps only the executable bit; the umask of the user who cloned must not matter."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
