"""A history of changes, run against a database, with what may be there after a crash."""

import copy
import json
from pathlib import Path

from services.lib.durable import UnwritableFile
from services.store.database import Database
from services.store.job import Job

HERE = Path("/nowhere")


def put(name, fields, table="wanted"):
    return ("put", table, name, fields)


def drop(name, table="wanted"):
    return ("drop", table, name, None)


# One item is a batch; one item of that a change of one or more rows.
SCRIPT = [
    [[put("a", {"n": 1})]],
    [[put("b", {"n": 2}), put("b", {"node": "x"}, "placed")]],
    [[put("c", {"n": 3})], [drop("a"), put("a", {"node": None}, "placed")], [put("d", {})]],
    [[drop("b"), drop("b", "placed")]],
    [[put("c", {"n": 4})], [drop("c")]],
    [[put("e", {"text": "one\ntwo"})]],
]


def play(change, state):
    """What `state` is after `change`; a new object."""
    state = copy.deepcopy(state)
    for act, table, name, fields in change:
        rows = state.setdefault(table, {})
        if act == "put":
            rows[name] = fields
        else:
            rows.pop(name, None)
    return {table: rows for table, rows in state.items() if rows}


def perform(db, change):
    for act, table, name, fields in change:
        if act == "put":
            db.table(table).put(name, fields)
        else:
            db.table(table).drop(name)


def commit(db, batch):
    """Make all changes of `batch` in one commit; the errors of each, None for none."""
    waiting = [Job(lambda change=change: perform(db, change), None) for change in batch[:-1]]
    db._queue.extend(waiting)
    error = None
    try:
        db.change(lambda: perform(db, batch[-1]))
    except UnwritableFile as raised:
        error = raised
    return [*(job._error for job in waiting), error]


def state_of(db):
    with db.reading():
        tables = {name: dict(db.table(name)._read_table()) for name in db._tiny.tables()}
    return {name: rows for name, rows in tables.items() if rows}


class Run:
    """acknowledged: the state that must be there. possible: those that may be there instead."""

    def __init__(self, files, *, state=None):
        self.files = files
        self.acknowledged = state or {}
        self.possible = [self.acknowledged]
        self.db = None

    def open(self):
        self.db = Database(HERE, files=self.files)
        assert same(state_of(self.db), *self.possible), (state_of(self.db), self.possible)
        self.acknowledged = state_of(self.db)
        self.possible = [self.acknowledged]

    def make(self, batch):
        """Make the changes of one batch, whatever interrupts it; return whether that worked."""
        base = self.acknowledged
        for change in batch:
            self.possible.append(base := play(change, base))
        before = state_of(self.db)
        errors = commit(self.db, batch)
        assert len({type(error) for error in errors}) == 1
        if errors[0] is None:
            self.acknowledged = base
            self.possible = [base]
        else:
            assert state_of(self.db) == before
        assert state_of(self.db) == self.acknowledged
        return errors[0] is None


def same(state, *possible):
    """Strictly: True is not 1."""
    texts = [json.dumps(one, sort_keys=True) for one in (state, *possible)]
    return texts[0] in texts[1:]
