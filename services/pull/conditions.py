"""What HTTP's own headers ask for, as values: conditions, waiting, and how much to answer. Pure."""

import re

from services.core.errors import LabError
from services.state import ABSENT, EXISTS
from services.state.answers import Expect

# Clients renew a watch; a request that lasts much longer is cut by something on its way.
LONGEST_WAIT_S = 60.0
_REVISION = re.compile(r'"([0-9]{1,18})"')


class BadCondition(LabError):
    """A header or a query parameter that cannot be understood."""


def expected(if_match: str | None, if_none_match: str | None = None) -> Expect:
    """Return what a writer expects, by If-Match and If-None-Match; None: not sent.

    Raises BadCondition for anything but one ETag of an object, or `*`.
    """
    if if_match is not None and if_none_match is not None:
        raise BadCondition("both If-Match and If-None-Match are there", hint="send one of them")
    if if_none_match is not None:
        if if_none_match.strip() == "*":
            return ABSENT
        raise BadCondition(
            f"If-None-Match {if_none_match[:80]!r} means nothing for a change",
            hint="send If-None-Match: * to change only what does not exist",
        )
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return EXISTS
    found = _REVISION.fullmatch(if_match.strip())
    if found is None:
        raise BadCondition(
            f"If-Match {if_match[:80]!r} is not the ETag of an object",
            hint='send the ETag that GET answered, or its revision in quotes: If-Match: "17"',
        )
    # Nothing has revision 0, and to the state that would mean something else.
    return int(found[1]) or -2


def etag(epoch: str, version: int) -> str:
    """The ETag of a topic of a state."""
    return f'"{epoch}-{version}"'


def same(if_none_match: str, tag: str) -> bool:
    """Whether If-None-Match names `tag`; weak comparison, as RFC 9110 13.1.2 asks for."""
    return tag in (one.strip().removeprefix("W/") for one in if_none_match.split(","))


def wait_s(text: str | None) -> float:
    """Return the seconds of ?wait=; 0 without it. Raises BadCondition."""
    if text is None:
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LONGEST_WAIT_S:
        raise BadCondition(
            f"wait={text[:40]!r} is not a number of seconds from 0 to {LONGEST_WAIT_S:g}",
            hint="send ?wait=10 and ask again when nothing came",
        )
    return value


def since(text: str | None) -> int:
    """Return the revision of ?since=; 0 without it. Raises BadCondition."""
    if text is None:
        return 0
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return int(text)
    raise BadCondition(
        f"since={text[:40]!r} is not a revision", hint="send the revision of the last answer, or 0"
    )


def flag(name: str, text: str | None) -> bool:
    """Return the value of the query parameter `name`; False without it. Raises BadCondition."""
    if text not in (None, "true", "false"):
        raise BadCondition(
            f"{name}={text[:40]!r} is neither true nor false", hint=f"send ?{name}=true"
        )
    return text == "true"


def minimal(prefer: str) -> bool:
    """Whether Prefer asks for the changed object alone (RFC 7240)."""
    return any(one.strip().lower() == "return=minimal" for one in prefer.split(","))
