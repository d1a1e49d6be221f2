"""Scheduler and node controller over a real server, and as the programs that timers start."""

import signal
import subprocess
import sys

import pytest

from services.deciders import node_controller, scheduler
from services.deciders.state_server import Meanwhile, StateServer
from tests.pull.passes import plain_pass
from tests.serving import ROOT, unused_port


@pytest.fixture
def run(realms, capsys):
    """run(program) -> the lines that one pass of it printed."""

    def run(program):
        plain_pass(program, realms.address)
        return capsys.readouterr().out.splitlines()

    return run


def beat(realms, *nodes):
    for node in nodes:
        realms.node("POST", f"/api/nodes/{node}/heartbeat")


def declare(realms, *names, **fields):
    for name in names:
        realms.admin("POST", "/api/containers", json={"name": name, **fields})


def test_the_scheduler_says_what_it_places_and_then_nothing(realms, run):
    beat(realms, "node1", "node2")
    declare(realms, "a", "b", "c")
    reason = "least loaded node that is up"
    assert run(scheduler) == [
        f"PLACE a -> node1: {reason}",
        f"PLACE b -> node2: {reason}",
        f"PLACE c -> node1: {reason}",
    ]
    assert realms.placed() == {"a": "node1", "b": "node2", "c": "node1"}
    assert run(scheduler) == []


def test_the_scheduler_waits_for_a_node(realms, run):
    declare(realms, "a")
    assert run(scheduler) == ["WAITING: 1 waiting; no node is up (0 known, 0 down)"]
    beat(realms, "node1")
    realms.clock.now_s += 9
    assert run(scheduler) == ["WAITING: 1 waiting; no node is up (1 known, 1 down)"]
    assert realms.placed() == {"a": None}


def test_the_controller_takes_containers_off_a_dead_node_and_the_scheduler_places_them(realms, run):
    beat(realms, "node1", "node2", "node3")
    declare(realms, "a", "b", "c")
    run(scheduler)
    for _ in range(4):
        realms.clock.now_s += 1
        beat(realms, "node2", "node3")
    assert run(node_controller) == ["UNASSIGN a: node is down: node1"]
    assert run(node_controller) == []
    assert run(scheduler) == ["PLACE a -> node2: least loaded node that is up"]


def test_the_controller_holds_within_a_lease_of_the_start(realms, run):
    declare(realms, "a", node="node1")
    realms.clock.now_s += 2
    assert run(node_controller) == ["WAITING: state server is up for less than one lease (3 s)"]
    assert realms.placed() == {"a": "node1"}


def test_the_controller_holds_when_most_nodes_vanish_at_once(realms, run):
    beat(realms, "node1", "node2", "node3")
    declare(realms, "a", "b", "c")
    run(scheduler)
    realms.clock.now_s += 4
    beat(realms, "node3")
    (line,) = run(node_controller)
    assert line.startswith("WAITING: 2 of 3 nodes fell silent together (node1, node2)")
    assert None not in realms.placed().values()


def test_a_watch_does_something_else_meanwhile_which_may_end_it(realms):
    server = StateServer(realms.address, 5.0)
    server.nodes.read()
    rounds: list[None] = []

    def third():
        rounds.append(None)
        return len(rounds) == 3

    assert server.nodes.changed(20.0, Meanwhile(third, 0.02)) is True
    assert len(rounds) == 3
    beat(realms, "node1")
    assert server.nodes.changed(20.0, Meanwhile(lambda: False, 0.02)) is True
    assert [node.name for node in server.nodes.read().nodes] == ["node1"]


class Overtaken(StateServer):
    """Somebody else decides between this pass' reading and its writing."""

    meanwhile = staticmethod(lambda: None)

    def write(self, placement, revision):
        self.meanwhile()
        super().write(placement, revision)


def overtaken(program, realms, *request, **kwargs):
    """One pass of `program`, before each write of which an administrator sends `request`."""

    class StateServer(Overtaken):
        meanwhile = staticmethod(lambda: realms.admin(*request, **kwargs))

    plain_pass(program, realms.address, StateServer)


def test_a_newer_decision_wins_over_the_schedulers(realms, capsys):
    beat(realms, "node1")
    declare(realms, "a")
    overtaken(scheduler, realms, "PATCH", "/api/containers/a", json={"node": "node2"})
    assert capsys.readouterr().out.startswith("SKIP a: changed meanwhile")
    assert realms.placed() == {"a": "node2"}


def test_a_container_deleted_meanwhile_does_not_stop_the_pass(realms, capsys):
    beat(realms, "node1")
    declare(realms, "a", "b")
    overtaken(scheduler, realms, "DELETE", "/api/containers/a")
    skipped, placed = capsys.readouterr().out.splitlines()
    assert skipped.startswith("SKIP a")
    assert placed.startswith("PLACE b -> node1")


def test_a_container_that_moved_meanwhile_is_not_unassigned(realms):
    beat(realms, "node1", "node2", "node3")
    declare(realms, "a", node="node1")
    realms.clock.now_s += 4
    beat(realms, "node2", "node3")
    overtaken(node_controller, realms, "PATCH", "/api/containers/a", json={"node": "node3"})
    assert realms.placed() == {"a": "node3"}


def program(name, *arguments, **environment):
    """As its unit runs it: standard library only."""
    command = [sys.executable, "-S", "-E", "-m", f"services.deciders.{name}", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize("name", ["scheduler", "node_controller"])
def test_the_programs_end_well_with_and_without_a_server(realms, name):
    declare(realms, "a", node="node1")
    answered = program(name, "--api", "{}:{}".format(*realms.address))
    assert (answered.returncode, answered.stderr) == (0, "")
    alone = program(name, "--api", f"127.0.0.1:{unused_port()}")
    assert (alone.returncode, alone.stdout) == (0, "")
    assert alone.stderr.count("\n") == 1
    assert "nothing decided: http://127.0.0.1:" in alone.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--api"],
        ["--api", "x"],
        ["--ip", "127.0.0.1:1"],
        ["--api", "127.0.0.1:1", "--profile", "slow"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_said(arguments):
    ended = program("scheduler", *arguments)
    assert ended.returncode == 2
    assert "ADDRESS:PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        pytest.param(["--profile", "fast"], {}, id="as told"),
        pytest.param([], {"LAB_PROFILE": "fast"}, id="as the unit says"),
    ],
)
def test_in_fast_an_outage_is_one_line_and_lasts_as_long_as_a_watch(arguments, environment):
    """Ten seconds of it would be too long for a test: SIGTERM ends it, as a unit's stop does."""
    command = [sys.executable, "-S", "-E", "-m", "services.deciders.scheduler"]
    with subprocess.Popen(
        [*command, "--api", f"127.0.0.1:{unused_port()}", *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            assert running.stderr
            assert running.stderr.readline().startswith("nothing decided: http://127.0.0.1:")
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(1.5)
        finally:
            running.terminate()
        assert running.communicate(timeout=10) == ("", "")
        assert running.returncode == -signal.SIGTERM
