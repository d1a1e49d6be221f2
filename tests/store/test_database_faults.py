"""A disk that refuses: full, or broken, at any call, once or for good."""

from contextlib import suppress

import pytest

from services.lib.durable import UnwritableFile
from services.store import writer
from services.store.database import Database
from tests.store.faulty import FaultyFiles
from tests.store.history import HERE, SCRIPT, Run, drop, put, state_of

TINY_BYTES = 120


@pytest.fixture(autouse=True)
def _checkpoints_are_frequent(monkeypatch):
    monkeypatch.setattr(writer, "SMALLEST_LIMIT_BYTES", TINY_BYTES)


def opened(files):
    run = Run(files)
    run.open()
    return run


def calls_of_the_script():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "SMALLEST_LIMIT_BYTES", TINY_BYTES)
        run = opened(files := FaultyFiles())
        start = len(files.calls)
        for batch in SCRIPT:
            run.make(batch)
    assert run.db.stats().checkpoints > 4
    return start, files.calls


START, CALLS = calls_of_the_script()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("number", range(START, len(CALLS)))
def test_one_error_costs_at_most_one_commit_and_nothing_acknowledged(number, error):
    files = FaultyFiles(fail=number, how=error)
    run = opened(files)
    refused = 0
    for batch in SCRIPT:
        refused += not run.make(batch)
        for image in files.images(every_byte=False):
            again = Run(FaultyFiles(image))
            again.possible = run.possible
            again.open()
    assert refused <= 1
    assert run.db.stats().trouble == "" or refused == 1


@pytest.mark.parametrize("number", range(START, len(CALLS)))
def test_a_disk_that_stays_broken_refuses_all_and_acknowledges_nothing_more(number):
    files = FaultyFiles(fail=number, how="EIO", forever=True)
    run = opened(files)
    for batch in SCRIPT:
        run.make(batch)
    files._fail = None
    # As soon as it works again, so does the database.
    run.make([[put("z", {"n": 9})]])
    assert state_of(run.db)["wanted"]["z"] == {"n": 9}
    for image in files.images(every_byte=False):
        again = Run(FaultyFiles(image))
        again.possible = run.possible
        again.open()


@pytest.mark.parametrize("number", range(START))
def test_opening_where_nothing_can_be_written_says_so_and_the_next_opening_is_whole(number):
    whole = opened(FaultyFiles())
    whole.make(SCRIPT[0])
    image = whole.files.seen()
    files = FaultyFiles(image, fail=number, how="ENOSPC")
    # Some calls may fail: the clearing up.
    with suppress(UnwritableFile):
        Database(HERE, files=files)
    for left in files.images(every_byte=False):
        again = Run(FaultyFiles(left), state=whole.acknowledged)
        again.open()


def fail_next(files, name, how="EIO"):
    """Let the next call of `name` fail, wherever it comes."""
    real = getattr(files, name)

    def fail(*arguments):
        setattr(files, name, real)
        files._fail, files._how = len(files.calls), how
        return real(*arguments)

    setattr(files, name, fail)


def test_a_write_that_failed_is_taken_back_and_the_journal_goes_on():
    run = opened(files := FaultyFiles())
    run.make([[put("a", {"n": 1})]])
    fail_next(files, "write", "ENOSPC")
    run.make([[put("b", {"n": 2})]])
    assert "ENOSPC" in run.db.stats().trouble
    run.make([[put("c", {"n": 3})]])
    assert run.db.stats().trouble == ""
    assert run.db.stats().checkpoints == 2
    assert state_of(run.db)["wanted"] == {"a": {"n": 1}, "c": {"n": 3}}


def test_after_a_failed_sync_the_journal_is_never_trusted_again():
    run = opened(files := FaultyFiles())
    run.make([[put("a", {"n": 1})]])
    fail_next(files, "sync")
    run.make([[put("b", {"n": 2})]])
    begun = len(files.calls)
    run.make([[put("c", {"n": 3})]])
    assert files.calls[begun:].index("replace") < len(files.calls[begun:]) - 2
    assert files.calls[-2:] == ["write", "sync"]
    assert run.db.stats().checkpoints == 3


def test_a_write_that_cannot_be_taken_back_ends_the_journal_too():
    run = opened(files := FaultyFiles())
    fail_next(files, "write", "ENOSPC")
    fail_next(files, "truncate")
    run.make([[put("b", {"n": 2})]])
    run.make([[put("c", {"n": 3})]])
    assert run.db.stats().checkpoints == 3
    again = Run(FaultyFiles(files.seen()), state={"wanted": {"c": {"n": 3}}})
    again.open()


@pytest.mark.parametrize("call", ["write", "sync"])
def test_what_was_refused_does_not_come_back_after_anything_was_acknowledged(call):
    run = opened(files := FaultyFiles())
    fail_next(files, call, "ENOSPC")
    # When the write stops in the middle, the first line is whole.
    assert not run.make([[put("a", {})], [put("b", {"ballast": "x" * 200})]])
    # There is none, so this needs no line.
    assert run.make([[drop("a")]])
    for image in files.images():
        Run(FaultyFiles(image)).open()


def test_what_was_refused_does_not_come_back_when_the_next_checkpoint_is_damaged():
    run = opened(files := FaultyFiles())
    run.make([[put("a", {"n": 1})]])
    fail_next(files, "sync")
    assert not run.make([[put("a", {"n": 2})], [put("b", {"n": 2})]])
    assert run.make([[put("c", {"n": 3})]])
    image = files.seen()
    assert b'"b"' in image["journal-00000002"]
    db = Run(FaultyFiles(image | {"checkpoint-00000003": b""}), state=run.acknowledged)
    db.open()
    assert db.db.lost_bytes == 0


def test_a_checkpoint_that_fails_is_not_tried_again_at_every_change():
    run = opened(files := FaultyFiles())
    real = files.create
    refused = []

    def refuse(path):
        if path.name.endswith(".new"):
            refused.append(path.name)
            raise OSError(28, "No space left on device")
        return real(path)

    files.create = refuse
    for n in range(12):
        assert run.make([[put("a", {"n": n})]])
    # Each of the 12 lines has about 45 bytes: the limit is passed after 3, 6, 9 and 12.
    assert 3 <= len(refused) <= 4
    files.create = real
    for n in range(6):
        run.make([[put("a", {"n": -n})]])
    assert run.db.stats().checkpoints >= 3
    again = Run(FaultyFiles(files.seen()), state=run.acknowledged)
    again.open()
