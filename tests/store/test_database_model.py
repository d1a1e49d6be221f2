"""A table against a dictionary, for any changes."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from services.store.database import Database

ids = st.sampled_from("abc")
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.text(max_size=2), st.lists, max_leaves=3
)
rows = st.dictionaries(st.sampled_from("xyz"), values, max_size=3)
acts = st.one_of(
    st.tuples(st.just("put"), ids, rows),
    st.tuples(st.just("drop"), ids, st.none()),
    st.tuples(st.just("update"), ids, rows),
    st.tuples(st.just("append"), ids, st.none()),
    st.tuples(st.just("clear"), st.none(), st.none()),
    st.tuples(st.just("fail"), st.none(), st.none()),
)  # fmt: skip


def on_dict(model, act, name, fields):
    if act == "put":
        model[name] = json.loads(json.dumps(fields))
    elif act == "drop":
        model.pop(name, None)
    elif act == "update" and name in model:
        model[name].update(fields)
    elif act == "append" and name in model:
        model[name].setdefault("list", []).append(1)
    elif act == "clear":
        model.clear()
    elif act == "fail":
        raise KeyError("fail")


def on_table(table, act, name, fields):
    if act == "put":
        table.put(name, fields)
    elif act == "drop":
        table.remove(doc_ids=[name])
    elif act == "update":
        table.update(fields, doc_ids=[name])
    elif act == "append":
        table.update(lambda row: row.setdefault("list", []).append(1), doc_ids=[name])
    elif act == "clear":
        table.truncate()
    elif act == "fail":
        raise KeyError("fail")


@given(st.lists(st.lists(acts, max_size=4), max_size=6))
@settings(max_examples=60)
def test_a_table_is_what_a_dictionary_would_be_in_every_moment_and_order(tmp_path_factory, script):
    folder = tmp_path_factory.mktemp("db")
    db = Database(folder)
    table, model = db.table("t"), {}
    for steps in script:
        trial = json.loads(json.dumps(model))

        def apply(steps=steps, trial=trial):
            for step in steps:
                on_table(table, *step)
                on_dict(trial, *step)
                assert text(trial) == text(dict(table._read_table()))
                assert len(table) == len(trial)

        try:
            db.change(apply)
            model = trial
        except KeyError:
            assert any(act == "fail" for act, *_ in steps)
        assert text(model) == text(dict(table._read_table()))
    db.close()
    assert text(model) == text(dict(Database(folder).table("t")._read_table()))


def text(rows):
    return json.dumps(rows, sort_keys=True)
