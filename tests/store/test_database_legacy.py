"""What an earlier version left in its one file is taken over."""

import pytest

from services.lib.durable import DamagedFile, DurableFile
from services.store.database import Database
from tests.store.history import state_of

OLD = {
    "wanted": {"1": {"name": "web", "image": "demo"}, "7": {"name": "db", "image": "nginx"}},
    "placed": {"3": {"name": "web", "node": "n1", "reason": "r"}},
    "spoke": {"1": {"name": "n1"}},
    "meta": {"1": {"epoch": "abc", "revision": 41}},
}
MIGRATED = {
    table: {row.get("name", table): row for row in rows.values()} for table, rows in OLD.items()
}


def test_the_file_of_an_earlier_version_is_taken_over_once(tmp_path):
    DurableFile(str(tmp_path / "pull.json")).save(OLD)
    db = Database(tmp_path)
    assert state_of(db) == MIGRATED
    assert db.table("meta").row("meta") == {"epoch": "abc", "revision": 41}
    db.change(lambda: db.table("wanted").drop("db"))
    assert not (tmp_path / "pull.json").exists()
    assert "db" not in state_of(Database(tmp_path))["wanted"]
    assert (tmp_path / "pull.json.migrated").exists()


def test_one_that_comes_back_later_is_not_taken_for_the_state(tmp_path):
    Database(tmp_path).close()
    DurableFile(str(tmp_path / "pull.json")).save(OLD)
    assert state_of(Database(tmp_path)) == {}


def test_a_damaged_file_of_an_earlier_version_gives_way_to_the_one_before_it(tmp_path):
    old = DurableFile(str(tmp_path / "pull.json"))
    old.save(OLD)
    old.save({**OLD, "spoke": {}})
    (tmp_path / "pull.json").write_bytes(b"")
    db = Database(tmp_path)
    assert state_of(db) == MIGRATED
    assert "damaged" in db.problem
    assert db.lost_bytes > 0


def test_if_both_are_damaged_it_is_an_error_and_they_stay(tmp_path):
    for name in ("pull.json", "pull.json.previous"):
        (tmp_path / name).write_bytes(b"")
    for _ in range(2):
        with pytest.raises(DamagedFile):
            Database(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pull.json", "pull.json.previous"]
