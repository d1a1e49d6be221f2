"""The whole pull mode: what the three demonstrations show, and what must not happen beside."""

import shutil

from services.core.model import Act
from services.deciders import node_controller, scheduler
from tests.pull.lab import LEASE_S
from tests.pull.passes import plain_pass


def test_declared_placed_started_ready(lab):
    lab.declare("nginx")
    plain_pass(scheduler, lab.admin)
    assert lab.running() == {}
    lab.second()
    assert lab.runs()["node1"] == ["nginx"]
    lab.second()
    assert lab.running() == {"nginx": "node1"}
    assert lab.nodes["node1"].said[-1] == "converged (1 container)"


def test_deleted_is_stopped(busy):
    busy.call("DELETE", "/api/containers/b")
    busy.second()
    assert busy.runs()["node2"] == []


def test_reconciliation_a_container_started_by_hand_is_stopped(busy):
    node = busy.nodes["node1"]
    node.systemd.start("fake")
    assert node.tick(busy.node) == [
        "RECONCILIATION: 1 to stop, 0 to start",
        "STOP fake: not assigned here",
    ]
    assert node.runs() == ["a"]


def test_a_container_that_crashed_is_started_again(busy):
    busy.nodes["node1"].systemd.crash("a")
    busy.second()
    assert busy.runs()["node1"] == ["a"]


def test_a_container_that_never_comes_up_is_tried_every_pass_and_disturbs_no_other(busy):
    node = busy.nodes["node1"].systemd
    node.failing.add("d")
    busy.declare("d")
    for _ in range(4):
        busy.second()
        assert "d" not in busy.running()
    tries = [task for task in node.performed if task.container.name == "d"]
    # Placed at the end of the first second: a try in each of the other three.
    assert [task.act for task in tries] == [Act.START] * 3
    assert busy.running() == {"a": "node1", "b": "node2", "c": "node3"}
    node.failing.clear()
    busy.second()
    assert busy.runs()["node1"] == ["a", "d"]


def test_a_container_that_takes_its_time_is_started_once_and_runs_when_it_says_so(busy):
    node = busy.nodes["node1"].systemd
    node.slow.add("d")
    busy.declare("d")
    for _ in range(5):
        busy.second()
        assert "d" not in busy.running()
    assert [task.container.name for task in node.performed].count("d") == 1
    node.slow.clear()
    for _ in range(2):  # it says so in the pass after the one that saw it
        busy.second()
    assert busy.running()["d"] == "node1"


def test_self_healing_a_silent_node_is_evicted_and_its_containers_run_elsewhere(busy):
    for second in range(6):
        busy.second("node1")
        if second < LEASE_S:
            assert busy.runs()["node2"] == ["b"]
    assert busy.runs()["node2"] == ["a", "b"]
    assert busy.running() == {"a": "node2", "b": "node2", "c": "node3"}


def test_a_node_that_comes_back_runs_no_duplicate(busy):
    for _ in range(6):
        busy.second("node1")
    assert busy.runs()["node1"] == ["a"]  # cut off, not dead: it never heard of it
    busy.second()
    assert busy.runs() == {"node1": [], "node2": ["a", "b"], "node3": ["c"]}


def test_resilience_without_the_api_everything_runs_on_and_is_repaired(busy):
    busy.stop_api()
    busy.nodes["node1"].systemd.start("fake")
    busy.nodes["node2"].systemd.crash("b")
    for _ in range(10):
        busy.second()
    assert busy.runs() == {"node1": ["a"], "node2": ["b"], "node3": ["c"]}
    (told,) = [line for line in busy.nodes["node3"].said if line.startswith("API unreachable")]
    assert "using local state from" in told


def test_a_node_that_reboots_in_an_outage_gets_its_containers_from_its_own_disk(busy):
    busy.stop_api()
    busy.nodes["node1"].reboot()
    busy.second()
    assert busy.runs()["node1"] == ["a"]


def test_a_node_whose_memory_is_damaged_in_an_outage_starts_nothing(busy, tmp_path):
    busy.declare("d")
    for _ in range(2):
        busy.second()
    assert busy.runs()["node1"] == ["a", "d"]
    busy.stop_api()
    busy.nodes["node1"].reboot()
    (tmp_path / "node1/desired.json").write_bytes(b"")
    busy.second()
    # What the generation before it names may have moved away since.
    assert busy.runs()["node1"] == []


def test_an_api_that_comes_back_is_followed_again(busy):
    busy.stop_api()
    busy.second()
    busy.boot_api()
    for _ in range(2):
        busy.second()
    for node in busy.nodes.values():
        assert any(line.startswith("API is back, re-synchronised at") for line in node.said)
        assert node.said[-1] == "converged (1 container)"


def test_an_api_that_comes_back_evicts_nobody_within_one_lease(busy, capsys):
    busy.stop_api()
    busy.clock.now_s += 100
    busy.boot_api()
    capsys.readouterr()
    for _ in range(int(LEASE_S)):
        busy.clock.now_s += 1
        plain_pass(node_controller, busy.admin)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == LEASE_S
    assert all(line.startswith("WAITING: state server is up for") for line in said)
    for _ in range(3):
        busy.second()
    assert busy.running() == {"a": "node1", "b": "node2", "c": "node3"}


def test_a_node_that_died_during_the_outage_is_found_after_it(busy):
    busy.stop_api()
    busy.boot_api()
    for _ in range(7):
        busy.second("node1")
    assert busy.running() == {"a": "node2", "b": "node2", "c": "node3"}


def test_an_api_that_lost_its_disk_stops_nothing_until_it_is_told_something(busy):
    busy.stop_api()
    busy.boot_api("empty")
    for _ in range(5):
        busy.second()
    assert busy.runs() == {"node1": ["a"], "node2": ["b"], "node3": ["c"]}
    busy.declare("new")
    for _ in range(2):
        busy.second()
    assert busy.runs() == {"node1": ["new"], "node2": [], "node3": []}


def test_an_api_that_was_set_back_to_an_older_state_stops_nothing(busy, tmp_path):
    busy.stop_api()
    shutil.copytree(tmp_path / "api", tmp_path / "old")
    busy.boot_api()
    busy.declare("d")
    for _ in range(2):
        busy.second()
    busy.stop_api()
    shutil.rmtree(tmp_path / "api")
    shutil.copytree(tmp_path / "old", tmp_path / "api")
    busy.boot_api()
    busy.second()
    assert busy.runs()["node1"] == ["a", "d"]
    assert any("older than" in line for line in busy.nodes["node1"].said)


def test_a_server_restarted_behind_a_partition_moves_nothing(busy):
    busy.stop_api()
    busy.boot_api()
    for _ in range(8):
        busy.second("node1", "node2")
    assert busy.runs() == {"node1": ["a"], "node2": ["b"], "node3": ["c"]}
    assert busy.call("GET", "/api/nodes")["awaited"] == ["node1", "node2"]


def test_containers_on_nodes_that_never_were_come_back_and_keep_nobody_from_healing(busy):
    for number in range(4):
        body = {"name": f"x{number}", "node": f"ghost{number}"}
        busy.call("POST", "/api/containers", json=body)
    for _ in range(3):
        busy.second()
    assert all(node.startswith("node") for node in busy.running().values())
    assert len(busy.running()) == 7
    for _ in range(6):
        busy.second("node1")
    assert set(busy.running().values()) == {"node2", "node3"}
