"""`lab bench push` without VMs: real HTTP, nodes in memory, and programs in Ansible's place."""

import io
import json
import venv

import pytest

from lab.bench import push
from lab.bench.ansible import Ansible, environment, inventory, playbook
from lab.commands import bench_push
from lab.machines import remote
from lab.planes.client import PushClient
from lab.terminal.progress import Progress
from provisioning import topology
from services.core.errors import LabError
from services.push.api import THREADS, make_app
from services.push.push import Push
from tests.push.fake_runner import FakeRunner
from tests.serving import serving

LAB = topology.load()


@pytest.fixture
def runner(monkeypatch):
    """Three nodes in memory; the bench is sent to their push."""
    runner = FakeRunner("node1", "node2", "node3")
    monkeypatch.setattr(push, "deadline_s", lambda s: s)
    with serving(make_app(Push(runner)), threads=THREADS) as [(_, port)]:
        monkeypatch.setattr(push, "connect", lambda _: (PushClient(port), None))
        yield runner


@pytest.fixture
def programs(monkeypatch):
    """Write programs instead of an environment; each is the text of a shell script."""
    texts = {"pip": 'echo "$@" >pip.log', "ansible-playbook": 'echo "$@" >play.log'}

    def create(folder, with_pip):
        (folder / "bin").mkdir(parents=True)
        for name, text in texts.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / "bin" / name).chmod(0o755)

    monkeypatch.setattr(venv, "create", create)
    monkeypatch.setattr(remote, "run_all", lambda *_: {})
    return texts


def measure(count=30, runs=2, **options):
    return push.measure(LAB, count, runs, Progress(io.StringIO()), **options)


def test_every_run_starts_all_and_leaves_nothing(runner):
    runner.active["node1"]["mine"] = "demo"
    results = measure()
    assert {what: len(values) for what, values in results.items()} == {
        push.PUSH: 2,
        push.STOPPED: 2,
    }
    starts = [order for order in runner.orders if order[0] == "start"]
    assert len(starts) == 60
    assert runner.active == {"node1": {"mine": "demo"}, "node2": {}, "node3": {}}


def test_what_runs_already_is_stopped_before_and_not_measured(runner):
    runner.active["node2"]["bench-1"] = "demo"
    assert len(measure(3, 1)[push.PUSH]) == 1


def test_a_container_that_does_not_start_ends_the_bench_and_the_others_are_stopped(runner):
    runner.failing.add("bench-2")
    with pytest.raises(LabError, match="no port is free"):
        measure(3, 1)
    assert not any(runner.active.values())


def test_the_baseline_is_measured_in_turn_with_push(runner, programs):
    results = measure(3, 2, baseline=True)
    assert len(results[push.ANSIBLE]) == len(results[push.PUSH]) == 2
    data = json.loads(json.dumps(bench_push.as_data(results)))
    assert data["Ansible / push"] > 0
    assert "Ansible / push: " in bench_push.as_text(results)


def test_a_play_gets_all_nodes_at_once_and_its_failure_is_told(tmp_path, programs):
    ansible = Ansible(tmp_path, LAB.nodes)
    assert ansible.start(push.names(30), 10) > 0
    assert (tmp_path / "play.log").read_text().split()[2:4] == ["--forks", "3"]
    (tmp_path / "venv/bin/ansible-playbook").write_text("#!/bin/sh\necho no such unit; exit 2\n")
    with pytest.raises(LabError, match="ansible-playbook failed: no such unit"):
        ansible.start(push.names(30), 10)


def test_pip_that_fails_is_told_with_a_hint(tmp_path, programs):
    programs["pip"] = "echo no route to PyPI >&2; exit 1"
    with pytest.raises(LabError, match="pip failed: no route to PyPI") as caught:
        Ansible(tmp_path, LAB.nodes)
    assert "PyPI" in caught.value.hint


def test_each_node_starts_its_share_with_the_module_in_a_loop():
    found: dict = inventory(LAB.nodes, push.names(30))
    hosts = found["all"]["hosts"]
    assert {node: len(host["names"]) for node, host in hosts.items()} == {
        "node1": 10, "node2": 10, "node3": 10,
    }  # fmt: skip
    assert hosts["node2"]["names"][:2] == ["bench-2", "bench-5"]
    plays: list[dict] = playbook()
    (play,) = plays
    (task,) = play["tasks"]
    assert task["ansible.builtin.systemd"]["state"] == "started"
    assert task["loop"] == "{{ names }}"


def test_settings_of_the_user_for_ansible_do_not_count(monkeypatch, tmp_path):
    monkeypatch.setenv("ANSIBLE_PIPELINING", "true")
    found = environment(tmp_path)
    assert "ANSIBLE_PIPELINING" not in found
    assert found["ANSIBLE_HOME"].startswith(str(tmp_path))
    # Ansible refuses a name that does not end so, /dev/null among them; an absent file is empty.
    assert found["ANSIBLE_CONFIG"] == str(tmp_path / "ansible.cfg")


def test_without_the_baseline_there_is_no_ratio():
    text = bench_push.as_text({push.PUSH: [3.0, 1.0, 2.0]})
    assert text.splitlines()[1].split()[-3:] == ["2.00", "1.00", "3.00"]
    assert "Ansible" not in text
