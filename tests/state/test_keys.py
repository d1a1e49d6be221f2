"""What every store of keys does: the contract of services/state/keys.py."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import LabError
from services.state.keys import (
    ABSENT,
    MOST_COMPARES,
    MOST_KEYS,
    SEEN,
    Conflict,
    Unavailable,
)

# Far more than any of these takes; far less than what hangs.
BOUND_S = 10


def as_dict(snapshot):
    return {item.key: item.value for item in snapshot.items}


class Following:
    """Collects what a watch yields, in a thread of its own."""

    def __init__(self, keys, prefix, after):
        self.changes, self.news = [], threading.Condition()
        self.thread = threading.Thread(target=self._run, args=(keys.watch(prefix, after),))
        self.thread.start()

    def _run(self, watch):
        for change in watch:
            with self.news:
                self.changes.append(change)
                self.news.notify_all()

    def wait(self, count):
        """Return the changes once there are `count`."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.changes) >= count, BOUND_S), self.changes
            return list(self.changes)


def test_a_new_store_has_no_key(keys):
    assert keys.read("").items == ()


def test_what_is_committed_is_read_with_its_revisions_in_order_of_keys(keys):
    first = keys.commit({}, {"b/2": {"n": 2}, "a/1": {"n": 1}})
    second = keys.commit({}, {"b/2": {"n": 3}})
    assert second > first
    snapshot = keys.read("")
    assert snapshot.revision == second
    assert [tuple(item) for item in snapshot.items] == [
        ("a/1", {"n": 1}, first, first),
        ("b/2", {"n": 3}, second, first),
    ]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["a/1", "a/2", "ab/1", "b/1"]),
        ("a/", ["a/1", "a/2"]),
        ("a", ["a/1", "a/2", "ab/1"]),
        ("a/1", ["a/1"]),
        ("c", []),
    ],
)
def test_a_read_gives_the_keys_below_its_prefix(keys, prefix, found):
    keys.commit({}, {key: {} for key in ("b/1", "ab/1", "a/2", "a/1")})
    assert [item.key for item in keys.read(prefix).items] == found


@pytest.mark.parametrize(
    "value",
    [{}, {"text": 'é\u2028"\\\n\0', "number": 1e300, "large": 2**60}, {"a": [{"b": [None, True]}]}],
    ids=["empty", "odd", "nested"],
)
def test_a_value_is_any_json_object(keys, value):
    keys.commit({}, {"a/1": value, "a/é": value})
    assert as_dict(keys.read("")) == {"a/1": value, "a/é": value}


def test_a_key_that_is_created_again_is_another_one(keys):
    first = keys.commit({}, {"a/1": {}})
    keys.commit({}, {"a/1": None})
    assert keys.read("").items == ()
    again = keys.commit({}, {"a/1": {}})
    (item,) = keys.read("").items
    assert item.created == again > first


def test_a_commit_writes_where_everything_is_as_it_says(keys):
    first = keys.commit({"a/1": ABSENT, "a/2": ABSENT}, {"a/1": {"n": 1}})
    keys.commit({"a/1": first, "a/2": ABSENT}, {"a/1": {"n": 2}, "a/2": {"n": 0}})
    assert as_dict(keys.read("")) == {"a/1": {"n": 2}, "a/2": {"n": 0}}


@pytest.mark.parametrize("wrong", ["changed since", "exists", "is gone", "never was"])
def test_a_commit_writes_nothing_where_one_thing_is_not(keys, wrong):
    old = keys.commit({}, {"a/1": {}, "a/2": {}, "a/3": {}})
    now = keys.commit({}, {"a/1": {"n": 1}, "a/3": None})
    before = keys.read("")
    compare = {
        "changed since": {"a/1": old},
        "exists": {"a/1": ABSENT},
        "is gone": {"a/3": old},
        "never was": {"a/4": now},
    }[wrong]
    with pytest.raises(Conflict):
        keys.commit({"a/2": old, **compare}, {"a/2": None, "a/5": {}})
    assert keys.read("") == before


def test_a_commit_may_only_compare(keys):
    now = keys.commit({}, {"a/1": {}})
    keys.commit({"a/1": now}, {})
    with pytest.raises(Conflict):
        keys.commit({"a/1": ABSENT}, {})
    assert as_dict(keys.read("")) == {"a/1": {}}


def test_deleting_what_does_not_exist_is_no_error(keys):
    keys.commit({}, {"a/1": None, "a/2": {}})
    assert as_dict(keys.read("")) == {"a/2": {}}


def test_a_watch_yields_every_commit_after_a_revision_and_waits_for_more(keys):
    before = keys.commit({}, {"a/1": {"n": 0}})
    first = keys.commit({}, {"a/1": {"n": 1}, "a/2": {"n": 2}})
    following = Following(keys, "", before)
    following.wait(1)
    second = keys.commit({}, {"a/1": None, "a/2": {"n": 3}, "a/3": None})
    changes = following.wait(2)
    assert [(change.revision, sorted(change.changed)) for change in changes] == [
        (first, [("a/1", {"n": 1}, first, before), ("a/2", {"n": 2}, first, first)]),
        (second, [("a/2", {"n": 3}, second, first)]),
    ]
    assert [set(change.deleted) for change in changes] == [set(), {"a/1"}]


def test_a_watch_yields_nothing_of_other_prefixes(keys):
    before = keys.commit({}, {"b/1": {}})
    following = Following(keys, "a/", before)
    keys.commit({}, {"b/1": None, "ab/1": {}})
    last = keys.commit({}, {"b/2": {}, "a/1": {}})
    (change,) = following.wait(1)
    assert (change.revision, [item.key for item in change.changed]) == (last, ["a/1"])


def test_a_commit_of_many_keys_is_one_change(keys):
    names = [f"event/{number:03}" for number in range(500)]
    before = keys.commit({}, {"a/1": {}})
    keys.commit({}, {name: {"text": name} for name in names})
    keys.commit({}, {"a/1": {}, **dict.fromkeys(names)})
    put, deleted = Following(keys, "event/", before).wait(2)
    assert [item.key for item in put.changed] == names
    assert sorted(deleted.deleted) == names
    assert as_dict(keys.read("")) == {"a/1": {}}


@pytest.mark.parametrize(("compares", "writes"), [(MOST_COMPARES + 1, 1), (1, MOST_KEYS + 1)])
def test_a_commit_that_is_too_large_is_refused_and_one_that_is_just_not_is_made(
    keys, compares, writes
):
    def commit(compares, writes):
        absent = {f"a/{n}": ABSENT for n in range(compares)}
        keys.commit(absent, {f"b/{n}": {} for n in range(writes)})

    with pytest.raises(LabError, match="too many for a commit") as caught:
        commit(compares, writes)
    assert caught.value.hint == "make several commits of it"
    assert keys.read("").items == ()
    commit(min(compares, MOST_COMPARES), min(writes, MOST_KEYS))


def test_of_writers_that_compare_the_same_revision_one_wins(keys):
    keys.commit({}, {"a/1": {"n": 0}})

    def add_one(_):
        while True:
            (item,) = keys.read("a/1").items
            try:
                return keys.commit({"a/1": item.revision}, {"a/1": {"n": item.value["n"] + 1}})
            except Conflict:
                continue

    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(add_one, range(40)))
    assert len(set(revisions)) == 40
    assert as_dict(keys.read("")) == {"a/1": {"n": 40}}


def test_a_read_sees_all_of_a_commit_or_nothing(keys):
    def write(number):
        keys.commit({}, {f"a/{side}": {"n": number} for side in range(40)})

    write(0)
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [write(number) for number in range(1, 30)])
        while not writing.done():
            assert len({item.value["n"] for item in keys.read("").items}) == 1
        writing.result()


def test_a_store_that_is_opened_again_has_what_was_committed(open_store):
    keys = open_store()
    keys.commit({}, {"a/1": {"n": 1}, f"{SEEN}node1": {}})
    before = keys.read("a/")
    keys.close()
    again = open_store()
    after = again.read("a/")
    assert (after.items, after.revision >= before.revision) == (before.items, True)
    assert again.commit({"a/1": before.items[0].revision}, {"a/1": None}) > before.revision


def test_a_store_that_is_closed_ends_its_watches_at_once_and_takes_nothing(keys):
    following = Following(keys, "", keys.commit({}, {"a/1": {}}))
    keys.commit({}, {"a/1": None})
    following.wait(1)
    began_s = time.monotonic()
    keys.close()
    following.thread.join(BOUND_S)
    assert not following.thread.is_alive()
    with pytest.raises(Unavailable):
        keys.commit({}, {"a/1": {}})
    assert time.monotonic() - began_s < 2
