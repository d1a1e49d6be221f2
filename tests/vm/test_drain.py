"""A node taken out of service by hand, and brought back."""

import json

import pytest

from tests.vm.conftest import LAB, run

pytestmark = pytest.mark.vm

NAMES = {f"web{number}" for number in range(1, 7)}


def _on(stage, node) -> set[str]:
    return {name for name, nodes in stage.where("pull").items() if node in nodes}


def test_a_drained_node_is_empty_gets_nothing_and_comes_back(stage):
    for name in sorted(NAMES):
        stage.pull.declare(name)
    stage.wait_running("pull", NAMES)
    mine = _on(stage, "node2")
    assert mine
    since = stage.pull.events(0).revision

    said = run(*LAB, "drain", "node2")
    assert said.stdout.startswith("node2 is empty")
    # Said when it was so: asked of the node itself.
    assert _on(stage, "node2") == set()
    stage.wait_running("pull", NAMES)
    assert stage.happened(since, "draining", "node2")
    reasons = [event.reason for event in stage.happened(since, "unplaced")]
    assert len(reasons) == len(mine)
    assert all("drain" in reason for reason in reasons)
    assert "draining" in run(*LAB, "status").stdout

    stage.pull.declare("late")
    stage.wait_running("pull", {"late"})
    assert stage.where("pull")["late"] != ["node2"]

    run(*LAB, "uncordon", "node2")
    stage.pull.declare("later")
    stage.wait_running("pull", {"later"})
    # The least loaded one.
    assert stage.where("pull")["later"] == ["node2"]
    told = run(*LAB, "events", "--since", str(since), "--json").stdout.splitlines()
    kinds = [json.loads(line)["kind"] for line in told]
    assert kinds.index("draining") < kinds.index("unplaced") < kinds.index("uncordoned")


def test_a_drain_that_has_nowhere_to_go_says_so_and_loses_nothing(stage):
    stage.pull.declare("alone", "node1")
    stage.wait_running("pull", {"alone"})
    for node in ("node2", "node3"):
        run(*LAB, "cordon", node)
    done = run(*LAB, "drain", "node1", check=False)
    assert done.returncode == 1
    assert "no other node takes containers" in done.stderr
    assert "Hint" in done.stderr
    assert stage.where("pull")["alone"] == ["node1"]
