"""One prerequisite of the lab on this machine, and how it compares with what was tested."""

import re
from typing import NamedTuple

FOUND, MISSING, OLDER, NEWER, OTHER = "found", "MISSING", "older", "newer", "other"


class Check(NamedTuple):
    """What was looked for, and what was found.

    remedy: the command that supplies it; printed only while it is missing. version: as found,
    empty where there is none to tell. tested: the version that the lab was tested with.
    """

    name: str
    found: bool
    detail: str
    remedy: str
    version: str = ""
    tested: str = ""

    @property
    def state(self) -> str:
        """MISSING, or found; or that it is older, newer or other than tested: a remark."""
        if not self.found:
            return MISSING
        return compare(self.version, self.tested) if self.version and self.tested else FOUND


def compare(version: str, tested: str) -> str:
    """Return FOUND for equal versions, else OLDER or NEWER; OTHER if they cannot be compared.

    "debian 12" and "debian 13" can be compared, "debian 12" and "ubuntu 24.04" cannot.
    """
    if version == tested:
        return FOUND
    # The "p" of 9.2p1 stands between numbers, as a dot does.
    texts = [re.split(r"\d+(?:[.p]\d+)*", text) for text in (version, tested)]
    mine, theirs = ([int(n) for n in re.findall(r"\d+", text)] for text in (version, tested))
    if texts[0] != texts[1] or mine == theirs:
        return OTHER
    return OLDER if mine < theirs else NEWER
