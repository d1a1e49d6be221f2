"""Decide whether an agent follows what the state server just said, or what it said before.

A server that answers is not always right: its disk may have been replaced, or set back to an
older state. Stopping containers on such an answer cannot be undone by the next one.
"""

from typing import NamedTuple

from services.core.model import Assignment

EMPTY_STORE = "API has a new store in which nothing was declared yet"
OLDER = "API answered revision {answer}, older than {kept}"


class Answer(NamedTuple):
    """What this node must run. assignment: None if nobody ever said.

    outage: "" if the state server said so just now, else why it is not followed.
    since: when it last was, as a time of day; "" if never.
    """

    assignment: Assignment | None
    outage: str = ""
    since: str = ""


def objection(kept: Assignment | None, answer: Assignment) -> str:
    """Return why `answer` must not replace `kept`; "" if it must.

    kept: the last answer that was followed, None if there never was one.

    Within one epoch an answer holds unless its revision is older: also when it is empty, for
    then the server says so by its revision. A new epoch means that the store was made anew.
    Until somebody declares something there (revision 0) it knows nothing, and what runs goes
    on running, as if the server were away. From then on it is what the user wants now, and
    revisions of the old epoch mean nothing. Total function; it never raises.
    """
    if kept is None:
        return ""
    if answer.epoch == kept.epoch:
        older = answer.revision < kept.revision
        return OLDER.format(answer=answer.revision, kept=kept.revision) if older else ""
    return EMPTY_STORE if answer.revision == 0 else ""
