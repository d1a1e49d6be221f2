"""What a change costs does not depend on how many rows are stored. Counted, not timed."""

from collections.abc import Mapping

import pytest

from services.store import storage as layers
from services.store.database import Database
from tests.store.faulty import FaultyFiles
from tests.store.history import HERE

ROW = {"image": "demo", "on_disconnect": "keep", "node": "node1"}


class Counted(Mapping):
    """Counts the rows that anybody looks at."""

    def __init__(self, rows, touched):
        self._rows, self._touched = rows, touched

    def __getitem__(self, row_id):
        self._touched.append(row_id)
        return self._rows[row_id]

    def __contains__(self, row_id):
        return row_id in self._rows

    def __iter__(self):
        for row_id in self._rows:
            self._touched.append(row_id)
            yield row_id

    def __len__(self):
        return len(self._rows)


def cost_of_a_hundred_changes(stored, monkeypatch):
    """(rows touched, bytes written, syncs) by 100 changes of one row each."""
    db = Database(HERE, files=FaultyFiles())
    table = db.table("wanted")
    db.change(lambda: [table.put(f"c{n:05}", ROW) for n in range(stored)])
    files = FaultyFiles(db._generations.folder.files.seen())
    db = Database(HERE, files=files)
    table, touched = db.table("wanted"), []
    files.written, files.calls = 0, []
    real = layers.Layers.rows
    monkeypatch.setattr(layers.Layers, "rows", lambda *args: Counted(real(*args), touched))
    for n in range(25):
        name = f"c{n:05}"
        db.change(lambda name=name: table.update({"node": "other"}, doc_ids=[name]))
        db.change(lambda name=name: table.drop(name))
        db.change(lambda name=name: table.put(name, ROW))
        db.change(lambda name=name: table.get(doc_id=name))
    monkeypatch.undo()
    return len(touched), files.written, files.calls.count("sync")


def test_a_change_among_ten_thousand_rows_costs_what_it_costs_among_a_hundred(monkeypatch):
    few = cost_of_a_hundred_changes(100, monkeypatch)
    many = cost_of_a_hundred_changes(10_000, monkeypatch)
    assert many == few
    assert few[0] <= 500
    assert few[2] == 75


@pytest.mark.parametrize("stored", [100, 5_000])
def test_all_checkpoints_together_write_no_more_than_a_few_times_what_the_journals_do(stored):
    files = FaultyFiles()
    db = Database(HERE, files=files)
    table = db.table("wanted")
    db.change(lambda: [table.put(f"c{n:05}", ROW) for n in range(stored)])
    files.written, lines = 0, 0
    for n in range(8_000):
        before = db.stats()
        db.change(lambda n=n: table.put(f"c{n % stored:05}", ROW | {"n": n}))
        if db.stats().checkpoints == before.checkpoints:
            lines += db.stats().journal_bytes - before.journal_bytes
    assert db.stats().checkpoints > 3
    assert files.written < 2.5 * lines
