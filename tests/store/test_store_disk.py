"""What damage and full disks do to the store, and what many threads do to each other."""

import threading
from pathlib import Path

import pytest

from services.core.model import Container
from services.durable import DamagedFile, UnwritableFile
from tests.store.conftest import reopen, where


def test_a_damaged_file_is_said_and_its_revision_is_not_used_twice(store, tmp_path, clock):
    for name in "abc":
        store.declare(Container(name), None)
    agents_saw = store.assignment("n")
    (tmp_path / "pull.json").write_bytes(b"crc32 0")
    again = reopen(tmp_path, clock)
    assert "damaged" in again.problem
    assert where(again) == {"a": None, "b": None}
    assert again.assignment("n").epoch == agents_saw.epoch
    assert again.assignment("n").revision > agents_saw.revision
    assert reopen(tmp_path, clock).problem == ""


def test_two_damaged_files_are_never_taken_for_an_empty_store(store, tmp_path, clock):
    store.declare(Container("a"), None)
    for path in (tmp_path / "pull.json", tmp_path / "pull.json.previous"):
        path.write_bytes(b"")
    with pytest.raises(DamagedFile):
        reopen(tmp_path, clock)


def test_a_change_that_cannot_be_written_did_not_happen(store, tmp_path):
    store.declare(Container("a"), "node1")
    before = store.listing()
    (tmp_path / "pull.json.new").symlink_to("/dev/full")
    for change in (
        lambda: store.declare(Container("b"), "node1"),
        lambda: store.place("a", "node2", ""),
        lambda: store.remove("a"),
    ):
        with pytest.raises(UnwritableFile):
            change()
        assert store.listing() == before
    (tmp_path / "pull.json.new").unlink()
    store.place("a", "node2", "")
    assert where(store) == {"a": "node2"}
    assert store.listing().revision == before.revision + 1


def test_many_threads_lose_nothing_and_no_revision_is_given_twice(store, tmp_path, clock):
    seen: list[int] = []

    def work(thread: int) -> None:
        for n in range(10):
            store.declare(Container(f"c{thread}-{n}"), None)
            store.place(f"c{thread}-{n}", f"node{thread}", "")
            seen.append(store.listing().revision)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.listing().revision == 6 * 10 * 2
    assert where(reopen(tmp_path, clock)) == {
        f"c{thread}-{n}": f"node{thread}" for thread in range(6) for n in range(10)
    }


def test_one_change_is_one_generation(store, tmp_path: Path):
    store.declare(Container("a"), "node1")
    before = (tmp_path / "pull.json").read_bytes()
    store.remove("a")  # three tables
    assert (tmp_path / "pull.json.previous").read_bytes() == before
