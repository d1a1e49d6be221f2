"""Write newc cpio archives (cpio(5)) with everything variable set to zero."""

TRAILER = "TRAILER!!!"


def entry(
    name: str, data: bytes = b"", mode: int = 0o100644, device: tuple[int, int] = (0, 0)
) -> bytes:
    """Return one member: `name` without a leading slash, mode with its type bits.

    device: major and minor of a device file.
    """
    label = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(label), 0)
    record = b"070701" + b"".join(b"%08X" % field for field in fields) + label
    record += b"\0" * (-len(record) % 4) + data
    return record + b"\0" * (-len(record) % 4)


def end() -> bytes:
    """Return the member that ends an archive."""
    return entry(TRAILER, mode=0)
