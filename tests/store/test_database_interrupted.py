"""A commit that is interrupted by what no disk does."""

import pytest

from services.store.database import Database
from tests.store.faulty import FaultyFiles
from tests.store.history import HERE, Run, state_of


class Killed(BaseException):
    """As gevent's GreenletExit."""


@pytest.mark.parametrize("when", ["before", "never", "later"])
def test_a_leader_that_is_killed_fails_its_batch_and_the_next_change_is_safe(when):
    """Its write may end in the pool's thread all the same, at any time."""
    files, writes = FaultyFiles(), []

    def offload(function):
        if "append" not in function.__qualname__ or "b" not in killing:
            return function()
        killing.clear()
        if when == "before":
            function()
        writes.append(function)
        raise Killed

    killing = []
    db = Database(HERE, files=files, offload=offload)
    db.change(lambda: db.table("t").put("a", {"n": 1}))
    killing.append("b")
    with pytest.raises(Killed):
        db.change(lambda: db.table("t").put("b", {"n": 2}))
    assert state_of(db) == {"t": {"a": {"n": 1}}}
    assert db.stats().trouble == "interrupted"
    db.change(lambda: db.table("t").put("c", {"n": 3}))
    if when == "later":
        writes[0]()
    db.change(lambda: db.table("t").put("d", {"n": 4}))
    expected = {"t": {"a": {"n": 1}, "c": {"n": 3}, "d": {"n": 4}}}
    for image in [files.seen(), *files.images(every_byte=False)]:
        Run(FaultyFiles(image), state=expected).open()
