"""`python -m benchmarks server`, small: a real server, real sockets, and the tables made of it."""

import io

import pytest

from benchmarks.server.measure import Results, Scope, measure
from benchmarks.server.report import as_data, as_text
from benchmarks.server.watchers import Told
from lab import paths
from lab.terminal.progress import Progress

SMALL = Scope(stored=(3, 8), clients=(1, 2), span_s=0.2, lists=2, watchers=4, changes=6, idle_s=0.1)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What a small run measured."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "STATE", state)
        found = measure(SMALL, Progress(io.StringIO()))
    assert list(state.iterdir()) == [], "it cleans up"
    return found


def test_every_size_is_measured_with_every_number_of_clients(results):
    for rates in (results.writes, results.tinydb):
        assert {clients: set(found) for clients, found in rates.items()} == {1: {3, 8}, 2: {3, 8}}
        assert all(rate > 0 for found in rates.values() for rate in found.values())


def test_every_change_is_told_to_both_agents_that_it_concerns(results):
    assert len(results.told.told_s) == 2 * SMALL.changes
    assert all(spent > 0 for spent in results.told.told_s)
    assert results.told.rss_mib > 10


def test_lists_are_asked_for_in_each_way(results):
    assert {kind: len(spent) for kind, spent in results.lists.items()} == {
        "whole": 2, "changed": 2, "etag": 2,
    }  # fmt: skip


MADE = Results(
    writes={1: {100: 300.0, 10_000: 200.0}, 32: {100: 3000.0, 10_000: 3000.0}},
    tinydb={1: {100: 100.0, 10_000: 2.0}, 32: {100: 100.0, 10_000: 2.0}},
    lists={"whole": [0.01, 0.02, 0.03], "changed": [0.04], "etag": [0.002]},
    told=Told(1000, [0.001 * n for n in range(1, 101)], 0.015, 90.0, 50.0),
)


def test_ratios_are_of_one_run():
    data = as_data(MADE)
    assert data["slowdown"] == {"1": 1.5, "32": 1.0}
    assert [row["ratio"] for row in data["writes_per_second"]] == [3.0, 100.0, 30.0, 1500.0]
    assert data["list_ms"] == {"whole": 20.0, "changed": 40.0, "etag": 2.0}


def test_watchers_are_told_of_in_milliseconds_and_shares():
    watch = as_data(MADE)["watch"]
    assert watch["told_ms"] == pytest.approx({"p50": 50.0, "p99": 99.0})
    assert watch["idle_cpu_percent"] == 1.5
    assert watch["rss_per_watcher_kib"] == pytest.approx(40.96)


def test_the_table_says_what_the_data_says():
    text = as_text(as_data(MADE))
    for words in ("1500x", "1.50x slower", "1000 watchers, 50 changes", "50.0 ms (p50)"):
        assert words in text, words
