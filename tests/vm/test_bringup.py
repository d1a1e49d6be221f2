"""`lab up` again, in another mode, interrupted; and what it refuses."""

import os
import signal
import subprocess

import pytest

from lab import forward
from lab.provider import vagrant
from tests.vm.conftest import LAB, ROOT, run

pytestmark = pytest.mark.vm


def test_a_second_up_does_nothing_and_says_so(stage):
    stage.pull.declare("kept")
    stage.wait_running("pull", {"kept"})
    said = run(*LAB, "up", "both").stderr
    assert "built already" in said
    assert "running: api, node1, node2, node3" in said
    assert "every machine is up to date" in said
    assert stage.where("pull") == {"kept": stage.where("pull")["kept"]}


def test_switching_modes_stops_the_other_ones_containers_and_api(stage, hosts):
    stage.push.start("there", "node1")
    stage.pull.declare("here")
    stage.wait_running("pull", {"here"})
    run(*LAB, "up", "pull")
    assert stage.where("push") == {}
    assert not stage.push.healthy()
    assert stage.pull.healthy()
    assert not hosts["api"].service("push-api.service").is_running
    run(*LAB, "up", "push")
    assert stage.push.healthy()
    assert not stage.pull.healthy()
    assert stage.where("pull") == {}
    run(*LAB, "up", "both")
    stage.wait_running("pull", {"here"})


def test_the_other_profile_reaches_the_timers(stage, hosts):
    run(*LAB, "up", "both", "--profile", "seed")
    try:
        shown = hosts["node1"].check_output("systemctl show pull-agent.timer")
        assert "OnUnitInactiveUSec=5s" in shown
        assert stage.pull.nodes().lease_s == 15
    finally:
        run(*LAB, "up", "both")
    assert stage.pull.nodes().lease_s < 15


def test_tunnels_that_were_killed_are_back_after_up(stage):
    pid = int(forward.note().read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    run(*LAB, "up", "both")
    assert stage.push.healthy()
    assert stage.pull.healthy()


@pytest.mark.parametrize("after", ["creating", "boot: ", "switch ..."])
def test_an_up_that_is_interrupted_is_finished_by_the_next(stage, lab, after):
    vagrant.delete(lab, "node3")
    with subprocess.Popen([*LAB, "up", "both"], cwd=ROOT, stderr=subprocess.PIPE, text=True) as up:
        assert up.stderr is not None
        for line in up.stderr:
            if after in line:
                up.send_signal(signal.SIGINT)
                break
        up.stderr.read()
    assert up.returncode == 130
    run(*LAB, "up", "both")
    assert set(vagrant.machine_states(lab).values()) == {"running"}
    stage.wait(lambda: len(stage.pull.nodes().nodes) == 3, "three nodes report")
    assert stage.push.running().unreachable == ()


def test_fab_refuses_a_mode_that_does_not_exist():
    done = run("fab", "up", "sideways", check=False)
    assert done.returncode != 0
    assert "push" in done.stderr
    assert "Traceback" not in done.stderr
