"""The database as its users see it: tables and changes."""

import pytest
from tinydb import where

from services.lib.durable import UnwritableFile
from services.store.database import Database
from services.store.table import document
from tests.store.history import state_of


@pytest.fixture
def db(tmp_path):
    return Database(tmp_path)


def test_a_change_is_there_after_opening_again(db, tmp_path):
    wanted, placed = db.table("wanted"), db.table("placed")

    def apply():
        wanted.insert(document({"image": "demo"}, "web"))
        placed.put("web", {"node": "n1"})
        return "done"

    assert db.change(apply) == "done"
    db.close()
    again = Database(tmp_path)
    assert state_of(again) == {
        "wanted": {"web": {"image": "demo"}},
        "placed": {"web": {"node": "n1"}},
    }
    assert again.problem == ""
    assert again.lost_bytes == 0


def test_tinydb_queries_and_updates_work_and_touch_what_they_name(db):
    table = db.table("t")
    db.change(lambda: [table.put(name, {"n": n}) for n, name in enumerate("abcd")])
    db.change(lambda: table.update({"n": 9}, doc_ids=["b"]))
    db.change(lambda: table.update(lambda row: row.update(old=True), where("n") == 0))
    db.change(lambda: table.remove(doc_ids=["c"]))
    db.change(lambda: table.upsert(document({"m": 1}, "d")))
    assert {row.doc_id: dict(row) for row in table.all()} == {
        "a": {"n": 0, "old": True}, "b": {"n": 9}, "d": {"n": 3, "m": 1},
    }  # fmt: skip
    assert [row.doc_id for row in table.search(where("n") == 9)] == ["b"]
    assert table.get(doc_id="d")["m"] == 1
    assert table.row("c") is None
    assert len(table) == 3
    db.change(table.truncate)
    assert table.all() == []


def test_an_error_leaves_nothing_behind_and_is_raised(db, tmp_path):
    table = db.table("t")

    def apply():
        table.put("a", {})
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        db.change(apply)
    assert table.all() == []
    assert db.stats().changes == 0
    assert state_of(Database(tmp_path)) == {}


@pytest.mark.parametrize("value", [{"a": {1, 2}}, {"a": float("nan")}, {"a": object()}])
def test_what_is_not_json_is_refused_to_whoever_tried(db, value):
    with pytest.raises((TypeError, ValueError)):
        db.change(lambda: db.table("t").put("a", value))
    assert db.table("t").all() == []


def test_rows_are_in_memory_as_they_will_be_read_again_and_out_of_reach(db, tmp_path):
    mine = {"list": (1, 2), "deep": {3: "x"}}
    db.change(lambda: db.table("t").put("a", mine))
    mine["deep"]["y"] = 1
    assert state_of(db) == state_of(Database(tmp_path)) == {
        "t": {"a": {"list": [1, 2], "deep": {"3": "x"}}}
    }  # fmt: skip


def test_a_row_that_is_changed_in_depth_is_committed_only_at_the_end(db):
    table = db.table("t")
    db.change(lambda: table.put("a", {"list": [1]}))

    def apply():
        table.update(lambda row: row["list"].append(2), doc_ids=["a"])
        assert table.row("a") == {"list": [1, 2]}
        raise KeyError

    with pytest.raises(KeyError):
        db.change(apply)
    assert table.row("a") == {"list": [1]}


def test_a_step_that_fails_and_is_caught_leaves_the_rest_of_its_change(db):
    table = db.table("t")

    def apply():
        table.put("a", {"n": 1})
        with pytest.raises(ValueError, match="already exists"):
            table.insert_multiple([document({}, "b"), document({}, "a")])

    db.change(apply)
    assert state_of(db) == {"t": {"a": {"n": 1}}}


def test_what_changes_nothing_writes_nothing(db):
    table = db.table("t")
    db.change(lambda: table.put("a", {"n": 1}))
    before = db.stats()
    db.change(lambda: table.update({"n": 1}, where("n") == 1))
    db.change(lambda: table.drop("c"))
    assert db.stats() == before
    db.change(lambda: table.put("a", {"n": True}))
    assert db.stats().changes == before.changes + 1


def test_tables_cannot_be_written_to_outside_of_a_change(db):
    with pytest.raises(RuntimeError, match=r"Database\.change"):
        db.table("t").put("a", {})
    with pytest.raises(RuntimeError, match=r"Database\.change"):
        db._tiny.drop_tables()


def test_a_row_without_an_id_is_an_error(db):
    with pytest.raises(TypeError, match="needs an id"):
        db.change(lambda: db.table("t").insert({"n": 1}))


def test_a_change_within_a_change_is_an_error_not_a_deadlock(db):
    with pytest.raises(RuntimeError, match="within a change"):
        db.change(lambda: db.change(lambda: None))


def test_after_closing_changes_are_refused(db):
    db.close()
    with pytest.raises(UnwritableFile, match="closed"):
        db.change(lambda: db.table("t").put("a", {}))


def test_a_folder_that_is_gone_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(UnwritableFile) as caught:
        Database(tmp_path / "gone")
    assert caught.value.hint
