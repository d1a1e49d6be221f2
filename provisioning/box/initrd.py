"""A minimal, byte-for-byte reproducible initrd: tiny-initramfs' init and the root disk's modules.

Debian's own initramfs costs an emulated guest 6 s of boot; this one is half a megabyte.
"""

import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path

_TRAILER = "TRAILER!!!"


def build(root: Path, modules: Sequence[str]) -> bytes:
    """Return a cpio archive that loads `modules` and their dependencies, then mounts root=.

    root: an unpacked guest that has tiny-initramfs and exactly one kernel.
    Equal inputs give equal bytes: fixed order, no times, no owners.
    """
    archive = b"".join(_entry(name, mode=0o040755) for name in ("dev", "proc", "target"))
    archive += _entry("init", _static_init(root).read_bytes(), 0o100755)
    names = []
    for path in _load_order(root, modules):
        name = path.name.removesuffix(".xz")
        names.append(name)
        archive += _entry(name, _plain(path))
    archive += _entry("modules", "".join(f"/{name}\n" for name in names).encode())
    archive += _entry(_TRAILER, mode=0)
    return archive + b"\0" * (-len(archive) % 512)


def _static_init(root: Path) -> Path:
    # The path has moved between Debian releases; the file name has not.
    found = sorted(root.glob("usr/lib*/**/init-static"))
    if not found:
        raise FileNotFoundError("init-static: is tiny-initramfs-core in packages.txt?")
    return found[0]


def _load_order(root: Path, modules: Sequence[str]) -> list[Path]:
    """Return the module files to load, dependencies first. Built-in modules need none."""
    (tree,) = (root / "usr/lib/modules").iterdir()
    needs: dict[str, list[str]] = {}
    for line in (tree / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {_module_name(path): path for path in needs}

    def visit(path: str) -> Iterator[str]:
        # modules.dep lists dependencies so that the last must be loaded first.
        for need in reversed(needs[path]):
            yield from visit(need)
        yield path

    builtin = {_module_name(line) for line in (tree / "modules.builtin").read_text().split()}
    wanted = [name for name in modules if name not in builtin]
    order = dict.fromkeys(path for name in wanted for path in visit(by_name[name]))
    return [tree / path for path in order]


def _module_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_")


def _plain(path: Path) -> bytes:
    """The static init cannot unpack: modules go in uncompressed."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _entry(name: str, data: bytes = b"", mode: int = 0o100644) -> bytes:
    """Return one member of a newc archive, cpio(5): `name` without a leading slash, no times."""
    label = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(label), 0)
    record = b"070701" + b"".join(b"%08X" % field for field in fields) + label
    record += b"\0" * (-len(record) % 4) + data
    return record + b"\0" * (-len(record) % 4)
