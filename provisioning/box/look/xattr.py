"""Extended attributes of an ext4 inode: where ping has its capability."""

import struct
from collections.abc import Iterator

_MAGIC = 0xEA020000
_PREFIX = {1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default",
           4: "trusted.", 6: "security.", 7: "system."}  # fmt: skip


def read(inode: bytes, block: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return name -> value, sorted, from the end of `inode` and from its attribute `block`.

    block: empty if the inode has none.
    """
    found = [*_inside(inode), *_beside(block)]
    return tuple(sorted(found))


def _inside(inode: bytes) -> Iterator[tuple[str, bytes]]:
    if len(inode) <= 128:
        return
    at = 128 + int(struct.unpack_from("<H", inode, 128)[0])
    if at + 4 <= len(inode) and struct.unpack_from("<I", inode, at)[0] == _MAGIC:
        # Values are counted from the first entry here, and from the block's begin there.
        yield from _entries(inode[at + 4 :], 0)


def _beside(block: bytes) -> Iterator[tuple[str, bytes]]:
    if block and struct.unpack_from("<I", block)[0] == _MAGIC:
        yield from _entries(block, 32)


def _entries(data: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    while data[at : at + 4].strip(b"\0"):
        length, prefix, offset, _, size = struct.unpack_from("<BBHII", data, at)
        name = data[at + 16 : at + 16 + length].decode(errors="replace")
        yield _PREFIX.get(prefix, f"{prefix}.") + name, data[offset : offset + size]
        at += (16 + length + 3) // 4 * 4
