"""Many threads: changes that wait are made together, and readers see only what is on disk."""

import threading

import pytest

from services.lib.durable import UnwritableFile
from services.store.database import Database
from tests.store.faulty import FaultyFiles
from tests.store.history import HERE, Run, put, state_of
from tests.store.together import DEADLINE_S, Gate, Together, held, queue
from tests.waiting import wait_for


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def files():
    return FaultyFiles()


@pytest.fixture
def db(files, gate):
    return Database(HERE, files=files, offload=gate)


def test_changes_that_wait_go_to_disk_with_one_sync(db, gate, files):
    together = held(db, gate)
    queue(db, together, range(1, 9))
    syncs = files.calls.count("sync")
    gate.opened.set()
    together.join()
    assert files.calls.count("sync") == syncs + 2
    assert together.results == {number: number for number in range(9)}
    assert db.stats().largest_batch == db.stats().last_batch == 8
    assert db.stats().commits == 2
    assert db.stats().changes == 9


def test_readers_are_not_kept_waiting_and_see_only_what_is_on_disk(db, gate):
    together = held(db, gate)
    with db.reading():
        assert db.table("t").all() == []
    gate.opened.set()
    together.join()
    with db.reading():
        assert len(db.table("t")) == 1


def test_who_reads_without_the_lock_while_a_change_runs_does_not_see_it_either(db):
    inside, looked = threading.Event(), threading.Event()

    def apply():
        db.table("t").put("a", {})
        inside.set()
        assert looked.wait(DEADLINE_S)

    together = Together()
    together.start(0, lambda: db.change(apply))
    assert inside.wait(DEADLINE_S)
    assert db._storage.rows("t") == {}
    looked.set()
    together.join()


def test_later_changes_of_a_batch_see_the_earlier_ones(db, gate):
    together = held(db, gate)
    table = db.table("t")

    def count():
        table.put("count", {"n": (table.row("count") or {"n": 0})["n"] + 1})

    for number in range(1, 6):
        before = len(db._queue)
        together.start(number, lambda: db.change(count))
        wait_for(lambda before=before: len(db._queue) > before, "it waits", timeout_s=DEADLINE_S)
    gate.opened.set()
    together.join()
    assert together.errors == {}
    assert table.row("count") == {"n": 5}


def test_changes_are_published_in_their_order_once_they_are_visible_and_on_disk(db, gate, files):
    together, said = held(db, gate), []

    def published(number):
        rows = {row["n"] for row in db.table("t").all()}
        on_disk = b"".join(inode.durable for inode in files.on_disk.values())
        said.append((number, number in rows, f'"n":{number}'.encode() in on_disk))

    queue(db, together, range(1, 6), published)
    assert said == []
    gate.opened.set()
    together.join()
    assert said == [(number, True, True) for number in range(1, 6)]


def test_an_error_of_one_is_not_the_others(db, gate, files):
    together = held(db, gate)
    queue(db, together, [1])

    def apply():
        db.table("t").put("broken", {})
        raise KeyError("mine")

    together.start(2, lambda: db.change(apply))
    wait_for(lambda: len(db._queue) == 2, "it waits", timeout_s=DEADLINE_S)
    queue(db, together, [3])
    gate.opened.set()
    together.join()
    assert [type(error) for error in together.errors.values()] == [KeyError]
    assert together.results == {0: 0, 1: 1, 3: 3}
    assert "broken" not in state_of(db)["t"]
    again = Run(FaultyFiles(files.seen()), state=state_of(db))
    again.open()


def test_when_the_disk_refuses_every_change_of_the_batch_is_refused(db, gate, files):
    together = held(db, gate)
    queue(db, together, [1, 2], lambda number: pytest.fail("published"))

    def refuse(*_):
        raise OSError(28, "No space left on device")

    real, files.write = files.write, refuse
    gate.opened.set()
    together.join()
    assert {type(error) for error in together.errors.values()} == {UnwritableFile}
    assert set(together.errors) == {0, 1, 2}
    assert state_of(db) == {}
    files.write = real
    db.change(lambda: db.table("t").put("a", {}))
    assert state_of(db) == {"t": {"a": {}}}


def test_a_refusal_because_of_a_change_that_did_not_happen_is_no_refusal(db, gate, files):
    together = held(db, gate)
    queue(db, together, [1])

    def only_if_absent():
        if db.table("t").row("r1"):
            raise KeyError("there is one")

    together.start(2, lambda: db.change(only_if_absent))
    wait_for(lambda: len(db._queue) == 2, "it waits", timeout_s=DEADLINE_S)
    files._fail, files._how, files._forever = len(files.calls), "ENOSPC", True
    gate.opened.set()
    together.join()
    assert type(together.errors[2]) is UnwritableFile


def test_who_publishes_badly_hurts_only_himself(db):
    with pytest.raises(ZeroDivisionError):
        db.change(lambda: db.table("t").put("a", {}), lambda _: 1 / 0)
    assert state_of(db) == {"t": {"a": {}}}


def test_a_checkpoint_keeps_only_its_own_change_waiting(db, gate, files):
    db._writer._due_bytes = 0
    gate.hold()
    together = Together()
    together.start(0, lambda: db.change(lambda: db.table("t").put("r0", {"n": 0}) or 0))
    assert gate.reached.wait(DEADLINE_S)
    gate.reached.clear()
    queue(db, together, [1])
    # Let only the write through.
    real, gate.opened = gate.opened, threading.Event()
    real.set()
    assert gate.reached.wait(DEADLINE_S)
    with db.reading():
        assert db.table("t").row("r0") == {"n": 0}
    # Nothing of the checkpoint is done outside of what blocks nobody else.
    assert files.calls[-1] == "sync"
    gate.opened.set()
    together.join()
    assert together.results == {0: 0, 1: 1}


def test_many_threads_on_a_real_disk_lose_nothing_and_each_number_is_given_once(tmp_path):
    db = Database(tmp_path)
    together, published = Together(), []

    def next_number():
        row = db.table("meta").row("meta") or {"revision": 0}
        db.table("meta").put("meta", {"revision": row["revision"] + 1})
        return row["revision"] + 1

    for number in range(8):
        together.start(
            number, lambda: [db.change(next_number, published.append) for _ in range(40)]
        )
    together.join()
    given = [number for numbers in together.results.values() for number in numbers]
    assert sorted(given) == published == list(range(1, 321))
    assert state_of(Database(tmp_path)) == {"meta": {"meta": {"revision": 320}}}


def test_what_the_history_helper_calls_a_batch_is_one(files):
    run = Run(files)
    run.open()
    run.make([[put("a", {})], [put("b", {})]])
    assert run.db.stats().largest_batch == 2
