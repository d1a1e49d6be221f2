"""A byte-for-byte reproducible ext4 image from a directory."""

import re
import tempfile
from pathlib import Path

from provisioning.box.tools import Tools
from provisioning.run import ToolFailed

_UUID = "6c616200-0000-4000-8000-000000000001"
_HASH_SEED = "6c616200-0000-4000-8000-000000000002"


def make(tree: Path, image: Path, *, size_mib: int, epoch_s: int, tools: Tools) -> None:
    """Write an ext4 file system with the content of `tree` to `image`.

    size_mib: of the file system; the file is sparse. epoch_s: the only time in it.

    Equal trees give equal bytes, wherever and whenever: mke2fs sorts names and fakes its own
    clock, but copies ctime and atime from the host's files, so debugfs sets those afterwards.
    Equal versions of e2fsprogs are needed, too: 1.47.0 and 1.47.2 differ in metadata.
    """
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size_mib * 1024 * 1024)
    options = f"hash_seed={_HASH_SEED},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0"
    features = (
        "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,"
        "large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
    )
    tools.run(
        ["mke2fs", "-q", "-t", "ext4", "-d", str(tree), "-L", "lab", "-U", _UUID]
        + ["-E", options, "-O", features, "-J", "size=16", "-m", "0", "-I", "256", "-N", "32768"]
        + [str(image)],
        env=_clock(epoch_s),
    )
    inodes = [2, *range(11, _used_inodes(image, tools) + 1)]
    commands = "".join(
        f"sif <{inode}> {field} @{epoch_s}\n" for inode in inodes for field in ("ctime", "atime")
    )
    with tempfile.NamedTemporaryFile("w", suffix=".debugfs") as script:
        script.write(commands)
        script.flush()
        tools.run(["debugfs", "-w", "-f", script.name, str(image)], env=_clock(epoch_s))


def _clock(epoch_s: int) -> dict[str, str]:
    return {"E2FSPROGS_FAKE_TIME": str(epoch_s)}


def _used_inodes(image: Path, tools: Tools) -> int:
    """mke2fs hands out inodes in order, so the last one in use is their number."""
    text = tools.run(["dumpe2fs", "-h", str(image)])
    count = re.search(r"^Inode count: +(\d+)$", text, re.MULTILINE)
    free = re.search(r"^Free inodes: +(\d+)$", text, re.MULTILINE)
    if not count or not free:
        raise ToolFailed(["dumpe2fs"], 0, text, hint="its output has changed; e2fsprogs too new?")
    return int(count[1]) - int(free[1])
