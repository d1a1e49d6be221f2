"""How long a demonstration observes, and what it reads out of its looks."""

import time

import pytest

from lab.demo.observe import first, observe
from lab.demo.playground import busiest, places, victims
from lab.demo.reconciliation import Correction, times
from lab.demo.selfhealing import doubled
from lab.experiment.timing import Deadlines, healing_s
from services.core.errors import LabError
from services.core.profiles import PROFILES

# Container -> the nodes that run it.
Places = dict[str, tuple[str, ...]]

DEADLINES = Deadlines(expected_s=3, limit_s=30)


@pytest.mark.parametrize(
    ("modes", "pull_s", "elapsed_s", "enough"),
    [
        pytest.param(["pull"], None, 29, False, id="pull has until the limit"),
        pytest.param(["pull"], None, 30, True, id="then it is given up"),
        pytest.param(["pull"], 1, 1, True, id="pull alone ends when it is done"),
        pytest.param(["push"], None, 8.9, False, id="push is observed for three expectations"),
        pytest.param(["push"], None, 9, True, id="and no longer"),
        pytest.param(["push", "pull"], 5, 14.9, False, id="beside a slow pull: three times that"),
        pytest.param(["push", "pull"], 5, 15, True, id="three times what pull took"),
        pytest.param(["push", "pull"], 1, 8.9, False, id="a quick pull shortens nothing"),
        pytest.param(["push", "pull"], None, 15, False, id="push waits for pull's limit"),
    ],
)
def test_when_to_stop_watching(modes, pull_s, elapsed_s, enough):
    assert DEADLINES.enough(modes, pull_s, elapsed_s) is enough


def test_the_seed_expects_its_own_loops():
    assert healing_s(PROFILES["seed"]) >= 15 + 10 + 5 + 5
    assert healing_s(PROFILES["fast"]) < 15


YES, NO, SAID = Correction(True, False), Correction(False, False), Correction(False, True)


@pytest.mark.parametrize(
    ("samples", "seen", "gone"),
    [
        pytest.param([YES, YES], 0, None, id="there all the time"),
        pytest.param([NO, YES, NO], 1, 2, id="came and went"),
        pytest.param([NO, NO], None, None, id="never there is not gone"),
        pytest.param([NO, SAID], None, 1, id="the agent was quicker than the look"),
        pytest.param([], None, None, id="nothing could be seen"),
    ],
)
def test_when_the_stray_was_seen_and_gone(samples, seen, gone):
    assert times(list(enumerate(samples))) == (seen, gone)


def test_watching_looks_at_each_mode_in_its_own_time():
    def slow():
        time.sleep(0.5)
        return "late"

    def broken():
        raise LabError("silent")

    looks = {"push": slow, "pull": lambda: "now", "other": broken}
    began_s = time.monotonic()
    samples, observed_s = observe(looks, lambda _, elapsed_s: elapsed_s > 0.7, began_s=began_s)
    pull_s, push_s = first(samples["pull"], bool), first(samples["push"], bool)
    assert pull_s is not None
    assert pull_s < 0.2
    assert push_s is not None
    assert push_s >= 0.5
    assert samples["other"] == []
    assert 0.7 < observed_s < 1.0


def test_an_interrupted_watch_stops_looking():
    looked = []

    def enough(samples, elapsed_s):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        observe({"pull": lambda: looked.append(1)}, enough, began_s=time.monotonic())
    time.sleep(0.3)
    seen = len(looked)
    time.sleep(0.3)
    assert len(looked) == seen


def test_places_turn_nodes_into_containers():
    assert places({"node1": ["a", "b"], "node2": ["a"]}) == {
        "a": ("node1", "node2"),
        "b": ("node1",),
    }


def test_the_victim_node_runs_containers_of_every_mode(lab):
    where: dict[str, Places] = {
        "push": {"demo-1": ("node1",), "demo-2": ("node2",), "web": ("node3",)},
        "pull": {"demo-1": ("node2",), "demo-2": ("node2",), "demo-3": ("node3",)},
    }
    assert busiest(where, lab.nodes).name == "node2"
    assert victims(where, "node2") == {"push": ("demo-2",), "pull": ("demo-1", "demo-2")}
    with pytest.raises(LabError, match="no node runs"):
        busiest({**where, "push": {}}, lab.nodes)


def test_running_twice_at_any_moment_counts():
    calm: Places = {"demo-1": ("node1",)}
    twice: Places = {"demo-1": ("node1", "node2")}
    assert doubled([calm, twice, calm]) == ("demo-1",)
    assert doubled([calm, {"web": ("node1", "node2")}]) == ()
