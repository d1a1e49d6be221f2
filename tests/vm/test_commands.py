"""The commands of `lab` on the running lab, as their users see them."""

import json

import pytest

from tests.vm.conftest import LAB, run

pytestmark = pytest.mark.vm


def test_status_shows_every_machine_and_what_is_wanted_beside_what_runs(stage):
    stage.pull.declare("seen")
    stage.wait_running("pull", {"seen"})
    said = run(*LAB, "status").stdout
    for machine in stage.lab.machines:
        assert machine.name in said
    assert "seen" in said
    assert "seen" in json.dumps(json.loads(run(*LAB, "status", "--json").stdout))


def test_ssh_runs_a_command_and_gives_its_exit_code():
    assert run(*LAB, "ssh", "node2", "--", "hostname").stdout.strip() == "node2"
    assert run(*LAB, "ssh", "node2", "exit 7", check=False).returncode == 7


def test_logs_show_what_the_agent_did(stage):
    stage.pull.declare("told")
    stage.wait_running("pull", {"told"})
    (node,) = stage.where("pull")["told"]
    logs = [*LAB, "logs", node, "--unit", "pull-agent.service"]
    stage.wait(lambda: "START told" in run(*logs).stdout, "the journal has it")


def test_an_api_that_chaos_stopped_is_back_after_heal(stage):
    run(*LAB, "chaos", "stop-api")
    assert not stage.push.healthy()
    assert not stage.pull.healthy()
    assert "traceback" not in run(*LAB, "status", check=False).stderr.lower()
    run(*LAB, "heal")
    stage.wait(lambda: stage.push.healthy() and stage.pull.healthy(), "both APIs answer")


def test_a_corrupted_node_is_corrected_by_pull_alone_and_by_heal(stage):
    run(*LAB, "chaos", "corrupt", "node2", "--name", "stray")
    stage.wait(lambda: "stray" in stage.where("push"), "push runs the stray")
    stage.wait(lambda: "stray" not in stage.where("pull"), "pull's agent stops the stray")
    assert stage.where("push")["stray"] == ["node2"]
    run(*LAB, "heal")
    assert "stray" not in stage.where("push")


@pytest.mark.parametrize("words", [["up", "sideways"], ["ssh", "node9"], ["chaos", "halt", "api9"]])
def test_a_word_that_means_nothing_is_told_with_a_hint(words):
    done = run(*LAB, *words, check=False)
    assert done.returncode != 0
    assert "Hint" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_task_of_fab_shows_the_same_status(lab):
    assert "node1" in run("fab", "status").stdout
