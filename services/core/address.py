"""ADDRESS:PORT, as every service and program takes and shows it; IPv6 stands in brackets."""

from services.core.errors import LabError, shown

# The host without brackets, and the port.
Address = tuple[str, int]

_HINT = "write it like 127.0.0.1:8081, localhost:8081 or [::1]:8081"
_IPV6 = frozenset("0123456789abcdefABCDEF:.")
_NAME = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.")


class BadAddress(LabError):
    """Text that is not ADDRESS:PORT, or not a host."""

    def __init__(self, text: str, detail: str = "is not ADDRESS:PORT", hint: str = _HINT) -> None:
        super().__init__(f"{shown(text)} {detail}", hint=hint)
        self.text = text


def parse_address(text: str) -> Address:
    """Return host and port of `text`; raises BadAddress. Port 0 asks for a free one."""
    host, _, port = text.rpartition(":")
    if ":" in host and _IPV6.issuperset(host.partition("%")[0]):
        raise BadAddress(
            text, "is an IPv6 address without brackets", "write it like [::1]:8081, with a port"
        )
    if not host or not port.isascii() or not port.isdecimal():
        raise BadAddress(text)
    if len(port) > 5 or int(port) > 65535:  # int() refuses thousands of digits
        raise BadAddress(text, "is not ADDRESS:PORT: ports end at 65535")
    return parse_host(host), int(port)


def parse_host(text: str) -> str:
    """Return the IP address or name in `text`, without its brackets; raises BadAddress.

    It checks only which characters there are: whether the host exists, the resolver says.
    """
    bracketed = text.startswith("[") and text.endswith("]")
    bare = text[1:-1] if bracketed else text
    if "%" in bare:
        raise BadAddress(text, "has a zone id", "use an address that needs none: no link-local one")
    allowed = _IPV6 if ":" in bare else _NAME
    if not bare or not allowed.issuperset(bare) or (bracketed and ":" not in bare):
        raise BadAddress(text, "is not a host")
    return bare


def show_address(address: Address) -> str:
    """Return `address` as `parse_address` takes it, and as URLs and the header Host do."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
