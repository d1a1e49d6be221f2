"""Request ids: what joins an answer, its line in the journal and the caller's own log."""

import itertools
import os
import re

HEADER = "X-Request-ID"
# Anything else could forge lines of a log, or fill it.
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Unique among processes by its random half; a system call for each request buys nothing more.
_PROCESS = os.urandom(4).hex()
_count = itertools.count(1)


def request_id(offered: str | None) -> str:
    """Return `offered` if it is 1 to 64 of A-Z a-z 0-9 . _ -, and an id of our own if not."""
    if offered and _SANE.fullmatch(offered):
        return offered
    return f"{_PROCESS}-{next(_count):x}"
