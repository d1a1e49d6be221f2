"""`lab up` again, in another mode, interrupted; and what it refuses."""

import os
import signal

import pytest

from lab.host import forward, settings
from lab.machines import power
from lab.terminal import lock
from services.core.profiles import profile, stretched
from tests.vm.conftest import LAB, run, running

pytestmark = pytest.mark.vm


def _pids(hosts, stage, units: dict[str, str]) -> dict[str, str]:
    """Unit -> its main process, asked of the machine that runs it."""
    return {
        unit: hosts[machine].check_output("systemctl show -P MainPID %s", unit)
        for unit, machine in units.items()
    }


def test_a_second_up_does_nothing_and_says_so(stage, hosts):
    stage.pull.declare("kept")
    stage.wait_running("pull", {"kept"})
    (node,) = stage.where("pull")["kept"]
    units = {"pull-container@kept.service": node, "push-api.service": "api"}
    units["pull-api.service"] = "api"
    before = _pids(hosts, stage, units)
    assert "0" not in before.values()
    said = run(*LAB, "up", "both").stderr
    assert "built already" in said
    assert "log in to api, node1, node2, node3: " in said
    assert "every machine is up to date" in said
    assert _pids(hosts, stage, units) == before


def test_code_travels_to_the_machine_that_lacks_it_and_restarts_what_runs_it(stage, hosts):
    units = {"push-api.service": "api"}
    before = _pids(hosts, stage, units)
    # As after an interrupted copy.
    hosts["api"].check_output("truncate -s 0 /opt/lab/DIGEST")
    said = run(*LAB, "up", "both").stderr
    assert "code: api\n" in said
    assert "updated: api\n" in said
    assert _pids(hosts, stage, units) != before
    assert stage.push.healthy()


def test_of_two_commands_that_change_the_lab_the_second_is_told_of_the_first(stage):
    with lock.locked("a test"):
        done = run(*LAB, "up", "both", check=False)
    assert done.returncode == 1
    assert "a test" in done.stderr


def test_a_machine_that_vagrant_destroyed_is_made_again_and_has_its_token_from_birth(
    stage, lab, hosts
):
    run("vagrant", "destroy", "--force", "node3")
    assert power.machine_states(lab)["node3"] == "absent"
    said = run(*LAB, "up", "both").stderr
    assert set(power.machine_states(lab).values()) == {"running"}
    # Nobody had to bring it afterwards; and nobody brings it a second time.
    assert "tokens:" not in said
    shown = "systemctl show -P Result -P ConditionResult lab-first.service"
    assert hosts["node3"].check_output(shown).split() == ["success", "yes"]
    again = f"systemctl start lab-first.service; {shown}"
    assert hosts["node3"].check_output(again).split() == ["success", "no"]


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
    # Leaving a mode is no shutdown, and ending a pass that watches no failure.
    assert not any(node.leaving for node in stage.pull.nodes().nodes)
    for machine in stage.lab.machines:
        failed = "systemctl list-units --state=failed --plain --no-legend"
        assert hosts[machine.name].check_output(failed) == ""


def test_the_other_profile_reaches_the_timers(stage, hosts):
    run(*LAB, "up", "both", "--profile", "seed")
    try:
        shown = hosts["node1"].check_output("systemctl show pull-agent.timer")
        assert "OnUnitInactiveUSec=5s" in shown
        assert stage.pull.nodes().lease_s == 15
    finally:
        run(*LAB, "up", "both")
    fast = stretched(profile("fast"), settings.load().accel.slowness)
    assert stage.pull.nodes().lease_s == pytest.approx(fast.lease_s)


def test_ports_that_were_killed_are_back_after_up(stage):
    pid = int(forward.note().read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    run(*LAB, "up", "both")
    assert stage.push.healthy()
    assert stage.pull.healthy()


def test_an_up_that_is_interrupted_is_finished_by_the_next(stage, lab):
    run("vagrant", "destroy", "--force", "node3")
    # Each goes on where the one before it stopped, and comes further.
    for after in ("create node3: ", "boot: ", "switch ..."):
        with running("up", "both") as up:
            up.until(after)
            # To the whole group, as a terminal does it.
            assert up.interrupt(signal.SIGINT) == 130, up.said
    run(*LAB, "up", "both")
    assert set(power.machine_states(lab).values()) == {"running"}
    stage.wait(lambda: len(stage.pull.nodes().nodes) == 3, "three nodes report")
    assert stage.push.running().unreachable == ()


def test_fab_refuses_a_mode_that_does_not_exist():
    done = run("fab", "up", "sideways", check=False)
    assert done.returncode != 0
    assert "push" in done.stderr
    assert "Traceback" not in done.stderr
