"""The node controller with two witnesses: the store hears agents, a double hears machines."""

from types import SimpleNamespace

import pytest

from services.core.profiles import profile
from services.deciders import scheduler, state_server
from services.deciders.echo import Listener
from services.deciders.loop import Clock, run
from services.deciders.node_controller import NodeController
from tests.pull.direct import DirectApi, declare, names, report
from tests.states import open_state

NODES = ("node1", "node2", "node3")
STRETCHED_S = 9.0


class Machines(Listener):
    """A listener without sockets: each round lasts 0.2 s, of the store's clock, too.

    dead: addresses that do not answer. agents: called in each round.
    """

    def __init__(self, clock):
        super().__init__({})
        self._clock = clock
        self.dead: set[str] = set()
        self.agents = lambda: None

    def listen(self, lease_s):
        self._clock.now_s += 0.2
        self.agents()
        before = self.silent_s
        self.silent_s = {
            one: before.get(one, 0.0) + 0.2 if one in self.dead else 0.2 for one in self.asked
        }
        return any(before.get(one, 0.0) <= lease_s < now for one, now in self.silent_s.items())


class Lab:
    """Three nodes whose agents speak in every round, and a node controller of `fast`."""

    def __init__(self, tmp_path, clock, lease_s=STRETCHED_S):
        self.clock = clock
        self.store = open_state(tmp_path, lease_s=lease_s, now_s=clock)
        self.api = DirectApi(self.store)
        self.api.now_s, self.api.slice_s = clock, 0.001
        self.api.addresses = {node: f"10.77.0.1{node[-1]}" for node in NODES}
        self.silent: set[str] = set()
        self.run_dir = tmp_path / "run"
        self.run_dir.mkdir()
        self.machines = Machines(clock)
        self.agents()
        declare(self.store, "a", node="node1")
        clock.now_s += 2 * lease_s
        self.agents()

    def agents(self):
        self.store.judge()
        for node in NODES:
            if node not in self.silent:
                report(self.store, node, *(["a"] if node == "node1" else []))

    def watch(self, seconds=10.0):
        """One pass of the node controller."""
        controller = NodeController(str(self.run_dir), self.clock)
        machines = self.machines
        controller.listener, machines.agents = machines, self.agents
        timings = profile("fast")._replace(watch_s=seconds)
        run(controller.decide, self.api, timings, Clock(lambda: self.clock.now_s))


@pytest.fixture
def lab(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(state_server, "time", SimpleNamespace(monotonic=clock))
    return Lab(tmp_path, clock)


def die(lab, node):
    lab.silent.add(node)
    lab.machines.dead.add(lab.api.addresses[node])


def revive(lab):
    lab.silent.clear()
    lab.machines.dead.clear()


def test_a_dead_machine_is_noticed_after_the_profiles_own_lease(lab, capsys):
    lab.watch(1.0)
    die(lab, "node1")
    lab.watch(3.6)
    assert names(lab.store) == {"a": None}
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("UNASSIGN a: node is down: node1 (agent silent for 3.")
    assert ", machine for 3." in line


def test_a_dead_machine_gets_nothing_new_before_its_lease_is_over(lab, capsys):
    """Its node has the least to run once it was emptied."""
    lab.watch(1.0)
    die(lab, "node1")
    lab.watch(3.6)
    declare(lab.store, "b")
    run(scheduler.decide, lab.api, profile("seed"))
    assert names(lab.store) == {"a": "node2", "b": "node3"}
    lab.silent.clear()
    lab.agents()
    declare(lab.store, "c")
    run(scheduler.decide, lab.api, profile("seed"))
    assert names(lab.store)["c"] == "node1"


def test_a_node_that_speaks_before_it_is_found_dead_keeps_what_it_has(lab, capsys):
    lab.watch(1.0)
    die(lab, "node1")
    ask = lab.api._ask

    def speaks_just_before(method, *rest):
        if method == "POST":
            revive(lab)
            lab.agents()
        return ask(method, *rest)

    lab.api._ask = speaks_just_before
    lab.watch(4.0)
    assert capsys.readouterr().out == ""
    assert [line for line in lab.api.asked if "POST" in line] == ["POST /api/nodes/node1/down"]


@pytest.mark.parametrize("only", ["agent", "machine"])
def test_one_witness_alone_is_no_death(lab, only, capsys):
    lab.watch(1.0)
    if only == "agent":
        lab.silent.add("node1")
    else:
        lab.machines.dead.add(lab.api.addresses["node1"])
    asked = len(lab.api.asked)
    lab.watch(8.0)
    assert capsys.readouterr().out == ""
    # It is looked at once more when echoes fail, not in every round.
    assert len(lab.api.asked) - asked < 12
    lab.watch(3.0)
    assert names(lab.store) == {"a": None if only == "agent" else "node1"}


def test_a_pause_of_two_seconds_moves_nothing(lab, capsys):
    began_s, speak = lab.clock.now_s, lab.agents

    def paused_two_of_three_seconds():
        if (lab.clock.now_s - began_s) % 3.0 >= 1.0:
            die(lab, "node1")
        else:
            revive(lab)
        speak()

    lab.agents = paused_two_of_three_seconds
    lab.watch(30.0)
    assert capsys.readouterr().out == ""
    assert lab.clock.now_s - began_s >= 30.0


def test_silence_is_counted_over_the_end_of_a_pass(lab, capsys):
    lab.watch(1.0)
    die(lab, "node1")
    lab.watch(0.4)
    controller = NodeController(str(lab.run_dir), lab.clock)
    silent_s = controller.listener.silent_s
    assert silent_s["10.77.0.11"] == pytest.approx(0.5, abs=0.2)
    assert silent_s["10.77.0.12"] == pytest.approx(0.2)
    assert controller.listener is not lab.machines


def test_a_pass_does_not_end_while_a_machine_may_be_dead(lab):
    lab.watch(1.0)
    die(lab, "node1")
    lab.watch(1.0)
    assert names(lab.store) == {"a": None}


def test_where_the_lease_is_the_profiles_own_machines_are_not_asked(tmp_path, clock):
    lab = Lab(tmp_path, clock, lease_s=3.0)
    lab.api.ending = True
    lab.watch(1.0)
    assert lab.machines.asked == frozenset()


def test_trouble_with_the_socket_is_said_once_in_all_passes(lab, capsys):
    lab.machines.trouble = "cannot open an ICMP socket: Permission denied"
    lab.watch(1.0)
    lab.watch(1.0)
    assert capsys.readouterr().err.splitlines() == [
        "no echoes of machines: cannot open an ICMP socket: Permission denied"
    ]
