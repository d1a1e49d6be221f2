"""`lab soak --steady`: what counts as a false alarm, and that nothing is left behind."""

import json

import pytest

from lab.planes import client, modes
from lab.planes.client import Declared
from lab.soak import steady
from lab.soak.steady import Round
from services.core.errors import LabError
from services.core.messages import NodeList
from services.core.model import Event, Health, Node
from services.core.profiles import PROFILES
from services.core.wire_nodes import EventPage
from services.state.answers import NODE_DOWN, NODE_LEAVING, NODE_REFUSED, UNPLACED

FELL = Event(9, "2026-01-01T00:00:00Z", 1.0, "node-down", "node1", "node1", "node is silent")
MOVED = Event(10, "2026-01-01T00:00:01Z", 2.0, "unplaced", "web", "node1", "node is down: node1")
STARTED = Event(11, "2026-01-01T00:00:02Z", 3.0, "running", "soak-1", "node2", "")


class FakePull:
    """Runs at once what is declared. events: what comes with the next page; slow: never runs."""

    def __init__(self):
        self.wanted, self.asked = set(), []
        self.new, self.slow, self.error, self.truncated = [], set(), None, False

    def declare(self, name):
        self.wanted.add(name)
        self.asked.append(name)

    def delete(self, name):
        self.wanted.discard(name)

    def declared(self):
        return Declared((), frozenset(self.wanted - self.slow))

    def nodes(self):
        nodes = (Node("node1", 0.5, Health.UP), Node("node2", 1.5, Health.UP))
        return NodeList(nodes, 100.0, 9.0)

    def events(self, since):
        if self.error:
            raise self.error
        new, self.new = tuple(self.new), []
        return EventPage(new, since + len(new), 1, self.truncated)


@pytest.fixture
def pull(monkeypatch):
    monkeypatch.setattr(steady, "deadline_s", lambda _: 0.0)
    return FakePull()


def rounds(pull, count):
    """Return the first `count` rounds, and end it as a person does."""
    going = steady.steady(pull, PROFILES["fast"], 3600)
    found = [next(going) for _ in range(count)]
    going.close()
    return found


def test_containers_are_stopped_and_started_in_turn_and_taken_away_at_the_end(pull):
    found = rounds(pull, 8)
    assert pull.asked == [f"soak-{number}" for number in (1, 2, 3, 4, 5, 6, 1, 2)]
    assert all(one.took_s is not None and not one.alarms for one in found)
    assert found[0].silent_s == {"node1": 0.5, "node2": 1.5}
    assert pull.wanted == set()


def test_the_kinds_of_alarms_are_those_of_the_state_server():
    assert steady.ALARMS == (NODE_DOWN, NODE_LEAVING, NODE_REFUSED, UNPLACED)


def test_it_ends_after_the_time_that_was_asked_for(pull):
    assert list(steady.steady(pull, PROFILES["fast"], 0)) == []


def test_a_node_that_falls_and_a_container_that_moves_are_alarms_and_a_start_is_none(pull):
    pull.new = [FELL, MOVED, STARTED]
    # What had happened before it began is no alarm of this watch.
    first, second = rounds(pull, 2)
    assert (first.alarms, second.alarms) == ((), ())
    going = steady.steady(pull, PROFILES["fast"], 3600)
    next(going)
    pull.new = [FELL, MOVED, STARTED]
    assert next(going).alarms == (FELL, MOVED)
    going.close()


def test_what_does_not_start_and_what_is_not_answered_is_said_and_the_watch_goes_on(pull):
    going = steady.steady(pull, PROFILES["fast"], 3600)
    next(going)
    pull.slow = {"soak-2"}
    assert next(going).took_s is None
    pull.error = LabError("no answer")
    assert next(going).trouble == "no answer"
    pull.error, pull.truncated = None, True
    assert "are gone" in next(going).trouble
    going.close()


@pytest.fixture
def watched(monkeypatch, vms):
    """Let the command see the rounds that are given."""

    def give(*found):
        monkeypatch.setattr(modes, "profile", lambda _: PROFILES["fast"])
        monkeypatch.setattr(client, "connect", lambda _: client.Clients(None, None))
        monkeypatch.setattr(steady, "steady", lambda pull, profile, seconds: iter(found))

    return give


GOOD = Round(1.25, {"node1": 0.5})


def test_a_watch_without_an_alarm_ends_well(run, watched):
    watched(GOOD, GOOD)
    result = run("soak", "--steady", "1m", "--load", "0")
    assert result.exit_code == 0, result.output
    assert "declared -> running  1.25" in result.stdout
    assert "silence of node1     0.50" in result.stdout
    assert "2 containers were stopped and started; 0 false alarms; load: 0" in result.stdout


def test_an_alarm_is_printed_and_fails(run, watched):
    watched(GOOD, GOOD._replace(alarms=(FELL,)), GOOD._replace(took_s=None))
    result = run("soak", "--steady", "1m", "--load", "0", "--json")
    assert result.exit_code == 1
    assert "node-down node1: node is silent" in result.stderr
    assert "a container did not start in time" in result.stderr
    assert "2 times something went wrong" in result.stderr
    rows = json.loads(result.stdout)["rounds"]
    assert [one["alarms"] for one in rows] == [[], [FELL._asdict()], []]


@pytest.mark.parametrize("option", [["--cycles", "2"], ["--keep-going"], ["--mode", "pull"]])
def test_options_of_cycles_are_refused(run, watched, option):
    watched()
    result = run("soak", "--steady", "1m", *option)
    assert result.exit_code == 1
    assert f"--steady takes no {option[0]}" in result.stderr


def test_a_duration_that_is_none_is_refused_before_anything_is_touched(run, watched):
    watched()
    result = run("soak", "--steady", "soon", "--load", "0")
    assert result.exit_code == 1
    assert "30s, 5m or 1h" in result.stderr
