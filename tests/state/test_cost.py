"""What is asked for often costs what it returns, not what is stored. Counted, not timed."""

import sys

import pytest

from services.core.model import Container, UnitState
from tests.state.conftest import LEASE_S
from tests.states import open_state

MINE = 10
READY = {f"c{n}": UnitState("demo", ready=True) for n in range(MINE)}


def steps(function):
    """How many lines are executed, and functions called, by `function`."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def filled(directory, stored, monkeypatch):
    """A store with `stored` containers, of which MINE are on node0, and one is nowhere."""
    directory.mkdir()
    monkeypatch.setattr("os.fdatasync", lambda fd: None, raising=False)
    store = open_state(directory, lease_s=LEASE_S, now_s=lambda: 0.0)
    for n in range(stored):
        store.declare(Container(f"c{n}"), f"node{n // MINE}")
    store.declare(Container("nowhere"), None)
    store.beat("node0", READY)
    store.listing()
    monkeypatch.undo()
    return store


ASKED = {
    "what one node must run": lambda store: store.assignment("node0"),
    "a beat": lambda store: store.beat("node0", dict(READY)),
    "a beat with news": lambda store: (store.beat("node0", {}), store.beat("node0", READY)),
    "what is nowhere": lambda store: store.unassigned(),
    "one container": lambda store: store.container("c5"),
    "where it runs": lambda store: store.running_on("c5"),
    "one node": lambda store: store.node("node0"),
    "what happened lately": lambda store: store.events(store.version("events") - 1),
    "place": lambda store: (store.place("c5", None, ""), store.place("c5", "node0", "")),
    "put": lambda store: (store.put(Container("c5", "nginx")), store.put(Container("c5"))),
    "declare and remove": lambda store: (
        store.declare(Container("c5x"), "node0"),
        store.remove("c5x"),
    ),
    "the whole list again": lambda store: store.listing(),
}


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("cost")
        few = filled(folder / "few", 100, monkeypatch)
        many = filled(folder / "many", 2000, monkeypatch)
    yield few, many
    few.close()
    many.close()


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_among_thousands_it_costs_what_it_costs_among_a_hundred(few_and_many, ask):
    for store in few_and_many:
        ask(store)
    few, many = (steps(lambda store=store: ask(store)) for store in few_and_many)
    # Binary searches, and a file that may just be written anew.
    assert many < 1.5 * few + 50
