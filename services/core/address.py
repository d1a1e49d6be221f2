"""ADDRESS:PORT, as every service and program takes it."""

from services.core.errors import LabError

Address = tuple[str, int]


class BadAddress(LabError):
    """Text that is not ADDRESS:PORT."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not ADDRESS:PORT", hint="write it like 127.0.0.1:8081")
        self.text = text


def parse_address(text: str) -> Address:
    """Return host and port of `text`; raises BadAddress. Port 0 asks for a free one."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise BadAddress(text)
    return host, int(port)
