"""Read an ext4 image as a file: every name in it, without root and without mounting it.

Knows what provisioning.box.ext4 makes: extents, attributes beside the inode or in one block.
docs.kernel.org/filesystems/ext4 describes the structures; their fields are named as there.
"""

import hashlib
import stat
import struct
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

from provisioning.box.look import xattr
from services.core.errors import LabError

_MAGIC, _EXTENT_MAGIC = 0xEF53, 0xF30A
_ROOT = 2
_EXTENTS, _INLINE_DATA = 0x80000, 0x10000000
# A longer extent was reserved and never written: it reads as zeros.
_WRITTEN = 32768


class Entry(NamedTuple):
    """What is under one name. mode: with its type. content: a link's target, a device's numbers,
    or the SHA-256 of a file. attributes: extended ones, by name."""

    mode: int
    uid: int
    gid: int
    size_b: int
    mtime_s: int
    content: str
    attributes: tuple[tuple[str, bytes], ...]


class Unreadable(LabError):
    """Not an image that this program can read."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(
            f"{file.name}: {problem}", hint="is it the disk of a box of this lab, and whole?"
        )


class _Inode(NamedTuple):
    raw: bytes
    mode: int
    uid: int
    gid: int
    size_b: int
    mtime_s: int
    flags: int
    block: bytes


class Image:
    """An ext4 file system in a file. Close it, or use it as a context manager."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with file.open("rb") as stream:
            self._data = mmap(stream.fileno(), 0, access=ACCESS_READ)
        try:
            self._superblock()
        except struct.error:
            raise Unreadable(file, "shorter than a file system") from None

    def __enter__(self) -> "Image":
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()

    def entries(self) -> dict[str, Entry]:
        """Return path -> what is there, without a leading slash; the root itself is "."."""
        try:
            return dict(self._walk(_ROOT, "."))
        except (struct.error, RecursionError):
            raise Unreadable(self._file, "its structures are damaged") from None

    def read(self, path: str) -> bytes:
        """Return the content of the file at `path`; empty if there is none."""
        number = _ROOT
        for name in path.split("/"):
            folder = self._inode(number)
            number = dict(self._names(folder)).get(name, 0) if stat.S_ISDIR(folder.mode) else 0
            if not number:
                return b""
        return self._content(self._inode(number))

    def _superblock(self) -> None:
        at = 1024
        magic, self._inode_size = self._at("<H", at + 56), self._at("<H", at + 88)
        if magic != _MAGIC:
            raise Unreadable(self._file, "no ext4 file system")
        self._block_size = 1024 << self._at("<I", at + 24)
        self._inodes_per_group = self._at("<I", at + 40)
        # With the 64bit feature; 32 bytes without.
        self._descriptor_size = self._at("<H", at + 254) or 32
        self._descriptors = (self._at("<I", at + 20) + 1) * self._block_size

    def _at(self, form: str, offset: int) -> int:
        return int(struct.unpack_from(form, self._data, offset)[0])

    def _inode(self, number: int) -> _Inode:
        group, index = divmod(number - 1, self._inodes_per_group)
        descriptor = self._descriptors + group * self._descriptor_size
        table = self._at("<I", descriptor + 8)
        if self._descriptor_size >= 64:
            table |= self._at("<I", descriptor + 40) << 32
        at = table * self._block_size + index * self._inode_size
        raw = self._data[at : at + self._inode_size]
        mode, uid, size, _, _, mtime, _, gid = struct.unpack_from("<HHIIIIIH", raw)
        size_high, uid_high, gid_high = struct.unpack_from("<I8xHH", raw, 108)
        return _Inode(
            raw=raw,
            mode=mode,
            uid=uid | uid_high << 16,
            gid=gid | gid_high << 16,
            size_b=size | size_high << 32,
            mtime_s=mtime,
            flags=struct.unpack_from("<I", raw, 32)[0],
            block=raw[40:100],
        )

    def _walk(self, number: int, path: str) -> Iterator[tuple[str, Entry]]:
        inode = self._inode(number)
        yield path, self._entry(inode)
        if stat.S_ISDIR(inode.mode):
            for name, child in self._names(inode):
                yield from self._walk(child, name if path == "." else f"{path}/{name}")

    def _entry(self, inode: _Inode) -> Entry:
        kind = stat.S_IFMT(inode.mode)
        content = ""
        if kind == stat.S_IFREG:
            content = hashlib.sha256(self._content(inode)).hexdigest()
        elif kind == stat.S_IFLNK:
            content = self._content(inode).decode(errors="replace")
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            content = inode.block[:8].hex()
        # A folder's size is that of its blocks, and the names in it are compared anyway.
        size = 0 if kind == stat.S_IFDIR else inode.size_b
        attributes = xattr.read(inode.raw, self._attribute_block(inode))
        return Entry(inode.mode, inode.uid, inode.gid, size, inode.mtime_s, content, attributes)

    def _attribute_block(self, inode: _Inode) -> bytes:
        number = struct.unpack_from("<I", inode.raw, 104)[0]
        at = number * self._block_size
        return self._data[at : at + self._block_size] if number else b""

    def _names(self, folder: _Inode) -> Iterator[tuple[str, int]]:
        """Yield name -> inode; an indexed folder reads as a plain one, by design of the format."""
        data = self._content(folder)
        at = 0
        while at < len(data):
            number, length, size = struct.unpack_from("<IHB", data, at)
            name = data[at + 8 : at + 8 + size].decode(errors="surrogateescape")
            if number and name not in (".", ".."):
                yield name, number
            if length < 8:
                raise Unreadable(self._file, "a folder is damaged")
            at += length

    def _content(self, inode: _Inode) -> bytes:
        if inode.flags & _INLINE_DATA:
            raise Unreadable(self._file, "it keeps data in inodes, which no box of this lab does")
        if not inode.flags & _EXTENTS:  # a short link
            return inode.block[: inode.size_b]
        content = bytearray(inode.size_b)
        for start, length, block in self._extents(inode.block):
            at = start * self._block_size
            end = min(at + length * self._block_size, inode.size_b)
            if at < end:
                begin = block * self._block_size
                content[at:end] = self._data[begin : begin + end - at]
        return bytes(content)

    def _extents(self, node: bytes) -> Iterator[tuple[int, int, int]]:
        """Yield (first block in the file, number of blocks, first block on the disk)."""
        magic, count, _, depth = struct.unpack_from("<HHHH", node)
        if magic != _EXTENT_MAGIC:
            raise Unreadable(self._file, "an extent is damaged")
        for index in range(count):
            if depth:
                _, low, high = struct.unpack_from("<IIH", node, 12 + 12 * index)
                at = (low | high << 32) * self._block_size
                yield from self._extents(self._data[at : at + self._block_size])
            else:
                start, length, high, low = struct.unpack_from("<IHHI", node, 12 + 12 * index)
                if length <= _WRITTEN:
                    yield start, length, low | high << 32
