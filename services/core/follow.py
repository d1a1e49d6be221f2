"""Decide whether an agent follows what the state server just said, or what it said before.

A server that answers is not always right: its disk may have been replaced, or restored to an
older state. Stopping containers because of such an answer cannot be undone by the next one.
"""

from services.core.model import Assignment

EMPTY_STORE = "API has a new store in which nothing was declared yet"
OLDER = "API answered revision {answer}, older than {last}"


def objection(last: Assignment | None, answer: Assignment) -> str:
    """Return why `answer` must not replace `last`; "" if it must.

    last: the last answer that was followed, None if there never was one.

    Within one epoch an answer is followed unless its revision is older. That includes an empty
    one: the revision shows that the server means it. A new epoch means that the store was created
    again. Until something is declared there (revision 0) it knows nothing, and what runs goes on
    running, as if the server were away. From then on it is what the user wants now, and revisions
    of the old epoch mean nothing. Total function; it never raises.
    """
    if last is None:
        return ""
    if answer.epoch == last.epoch:
        older = answer.revision < last.revision
        return OLDER.format(answer=answer.revision, last=last.revision) if older else ""
    return EMPTY_STORE if answer.revision == 0 else ""
