"""Which node a request of the node realm comes from, by its token.

The file lists SHA-256 digests: reading it is not enough to speak for a node.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from services.core.errors import LabError
from services.core.fields import decode
from services.core.names import is_label

_log = logging.getLogger(__name__)
_SCHEME = "bearer "
# SHA-256 in hexadecimal.
_DIGEST_LENGTH = 64
Digests = Mapping[str, tuple[bytes, ...]]


class NoToken(LabError):
    """A request without a token of any node."""

    def __init__(self) -> None:
        super().__init__(
            "no valid token",
            hint="nodes send Authorization: Bearer with what is in /etc/lab/token; "
            "everything else is served on the API machine's loopback",
        )


class NotYours(LabError):
    """A node that asks for what is another's, or the administrator's."""


class _Stamp(NamedTuple):
    changed_ns: int
    size: int
    inode: int


class Tokens:
    """The tokens in `path`: JSON, node -> list of digests in hexadecimal, all of them valid.

    Read again whenever the file changes. While it cannot be read, the tokens of before stay
    valid, and the log says so once. Without a file since the start, no token is valid.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: _Stamp | None = None
        self._digests: Digests = {}
        self._complaint = ""
        self._refresh()

    def check(self, authorization: str, node: str) -> None:
        """Return if the token in `authorization` is one of `node`'s. Raises NoToken, NotYours."""
        digest = self.known(authorization)
        if not _listed(digest, self._digests.get(node, ())):
            raise NotYours(
                f"this token is not that of {node!r}",
                hint="a node may only speak for itself, by its own name",
            )

    def known(self, authorization: str) -> bytes:
        """Return the digest of the token in `authorization`, which is a node's. Raises NoToken."""
        self._refresh()
        digest = _digest(authorization)
        # Compare with all of them, always: the time that it takes must not show whose it is.
        if not sum(_listed(digest, digests) for digests in self._digests.values()):
            raise NoToken
        return digest

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            stamp = _Stamp(stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp == self._stamp:
                return
            text = self._path.read_text(encoding="utf-8")
            # Before it is parsed: what is damaged is not read again for every request.
            self._stamp = stamp
            self._digests = _parse(text)
            self._complaint = ""
        except (OSError, ValueError) as error:
            self._complain(str(error))

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            result = "the tokens of before stay valid" if self._digests else "no node is let in"
            _log.warning("tokens: %s: %s", complaint, result)
        self._complaint = complaint


def _digest(authorization: str) -> bytes:
    """The digest of the token; of nothing, where there is none: no file lists that."""
    scheme, token = authorization[: len(_SCHEME)], authorization[len(_SCHEME) :].strip()
    if scheme.lower() != _SCHEME or not token:
        return b""
    return hashlib.sha256(token.encode("latin-1", "replace")).hexdigest().encode()


def _listed(digest: bytes, digests: tuple[bytes, ...]) -> bool:
    return sum(hmac.compare_digest(digest, one) for one in digests) > 0


def _parse(text: str) -> Digests:
    """Raises ValueError for anything but a whole file."""
    document = decode(text)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object of node -> digests")
    digests: dict[str, tuple[bytes, ...]] = {}
    for node, listed in document.items():
        if not is_label(node) or not isinstance(listed, list):
            raise ValueError(f"the entry {node[:70]!r} is not a node with a list of digests")
        if not all(isinstance(one, str) and len(one) == _DIGEST_LENGTH for one in listed):
            raise ValueError(f"the entry {node!r} holds something that is not a SHA-256 digest")
        digests[node] = tuple(one.lower().encode("ascii", "replace") for one in listed)
    return digests
