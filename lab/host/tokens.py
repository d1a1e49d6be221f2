"""The tokens by which the state server knows its nodes: made here, once per checkout.

A node's token is the content of .lab/tokens/NODE. While it is being replaced there
is NODE.next beside it, which the server accepts as well: the next run that finds one finishes the
replacement.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from lab import files, paths

TOKENS = paths.STATE / "tokens"


def ensure(nodes: Iterable[str]) -> None:
    """Make every token that is missing. Idempotent."""
    for node in nodes:
        if not _file(node).exists():
            _write(_file(node))


def begin(node: str) -> None:
    """Make the next token of `node`, unless one waits to be put in place already."""
    if not _next(node).exists():
        _write(_next(node))


def finish(node: str) -> None:
    """Forget the old token of `node`. Idempotent."""
    if _next(node).exists():
        _next(node).replace(_file(node))


def begun(nodes: Iterable[str]) -> list[str]:
    """Return those of `nodes` whose token is being replaced."""
    return [node for node in nodes if _next(node).exists()]


def of(node: str) -> str:
    """Return the token that `node` should have now: the next one while it is being replaced."""
    return (_next(node) if _next(node).exists() else _file(node)).read_text()


def accepted(nodes: Iterable[str]) -> str:
    """Return what the state server reads: node -> SHA-256 of every token that is valid, as JSON."""
    table = {
        node: [digest(file.read_text()) for file in (_file(node), _next(node)) if file.exists()]
        for node in sorted(nodes)
    }
    return json.dumps(table, indent=1) + "\n"


def digest(text: str) -> str:
    """Return the SHA-256 of `text` as sha256sum prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _file(node: str) -> Path:
    return TOKENS / node


def _next(node: str) -> Path:
    return TOKENS / f"{node}.next"


def _write(file: Path) -> None:
    """Whole or not at all, and readable for this user alone from the beginning."""
    TOKENS.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.replace(file, secrets.token_urlsafe(32))
