"""Events survive a restart, and what may be missing is said to be."""

import shutil

import pytest

from services.core.model import UnitState
from services.store import Limits, Store
from services.store.eventfile import NAME, load
from tests.store.conftest import LEASE_S, crashed, reopen, told

READY = {"a": UnitState("demo", ready=True)}


@pytest.fixture
def busy(store):
    store.beat("node1", {})
    store.mark("node1", cordoned=True)
    store.beat("node1", READY)
    return store


def test_events_survive_an_orderly_stop_and_none_is_missing(busy, tmp_path, clock):
    before = busy.events(0)
    assert len(before.events) == 3
    busy.close()
    again = reopen(tmp_path, clock)
    assert again.events(0).events == before.events
    assert not again.events(0).truncated
    again.beat("node1", READY)
    assert [kind for kind, _, _ in told(again, before.events[-1].revision)] == ["node-up"]
    again.close()
    third = reopen(tmp_path, clock)
    assert third.events(0).events[:3] == before.events
    assert not third.events(0).truncated


def test_events_survive_a_kill_but_some_may_be_missing(busy, tmp_path, clock):
    before = busy.events(0)
    again = crashed(tmp_path, clock, tmp_path / "after")
    assert again.events(0).events == before.events
    assert again.events(before.revision).truncated
    assert not again.events(again.version("nodes")).truncated


def test_a_kill_before_the_first_event_is_not_taken_for_an_orderly_stop(busy, tmp_path, clock):
    busy.close()
    reopen(tmp_path, clock)
    again = crashed(tmp_path, clock, tmp_path / "after")
    assert len(again.events(0).events) == 3
    assert again.events(0).truncated


def test_damaged_lines_are_skipped_and_said_to_be_missing(busy, tmp_path, clock):
    before = busy.events(0).events
    busy.close()
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"cordoned", b"uncordon")
    (tmp_path / NAME).write_bytes(b"".join(lines))
    again = reopen(tmp_path, clock)
    assert again.events(0).events == (before[0], before[2])
    assert again.events(0).truncated


@pytest.mark.parametrize("content", [b"", b"junk", None], ids=["empty", "junk", "missing"])
def test_without_a_file_there_is_none_and_all_may_be_missing(busy, tmp_path, clock, content):
    busy.close()
    (tmp_path / NAME).unlink()
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    again = reopen(tmp_path, clock)
    assert again.events(0).events == ()
    assert again.events(0).truncated


def test_events_of_another_store_are_not_ours(busy, tmp_path, clock):
    busy.close()
    other = tmp_path / "other"
    other.mkdir()
    reopen(other, clock).close()
    shutil.copy(tmp_path / NAME, other / NAME)
    again = reopen(other, clock)
    assert again.events(0).events == ()
    assert again.events(0).truncated


def test_the_file_is_bounded_and_so_is_what_is_read_from_it(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("services.store.eventfile.SMALLEST_LIMIT_BYTES", 2000)
    limits = Limits(events=20)
    store = Store(tmp_path, lease_s=LEASE_S, now_s=clock, limits=limits)
    store.beat("node1", {})
    sizes = []
    for turn in range(500):
        store.beat("node1", READY if turn % 2 else {})
        sizes.append((tmp_path / NAME).stat().st_size)
    assert max(sizes) < 20_000
    before = store.events(0)
    store.close()
    again = Store(tmp_path, lease_s=LEASE_S, now_s=clock, limits=limits)
    after = again.events(0)
    # There is more noise in the file than in memory, so it may have to go now.
    assert after.events == tuple(event for event in before.events if event in after.events)
    assert after.events[-1] == before.events[-1]
    assert (after.oldest, after.truncated) == (before.oldest, True)


def test_a_full_disk_hinders_nobody_and_what_it_hid_is_written_later(busy, tmp_path, clock):
    half = tmp_path / f"{NAME}.new"
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()  # so that it can neither be written to nor replaced
    busy.mark("node1", cordoned=False)
    busy.mark("node1", cordoned=True)
    assert len(busy.events(0).events) == 5
    (tmp_path / NAME).rmdir()
    busy.mark("node1", cordoned=False)
    assert not half.exists()
    kept = load(tmp_path, busy.epoch, busy.events(0).revision)
    assert kept.events == busy.events(0).events


def test_what_cannot_be_written_anew_claims_no_longer_that_nothing_is_missing(
    busy, tmp_path, clock
):
    busy.close()
    (tmp_path / f"{NAME}.new").mkdir()
    again = reopen(tmp_path, clock)
    again.beat("node2", {})
    assert again.events(0).events[-1].subject == "node2"
    assert crashed(tmp_path, clock, tmp_path / "after").events(0).truncated


def test_a_beat_that_is_no_news_writes_nothing(busy, tmp_path):
    (tmp_path / NAME).unlink()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    busy.beat("node1", dict(READY))
    busy.judge()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
