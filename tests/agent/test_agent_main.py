"""The agent as its unit runs it: a process of the standard library's, for one pass."""

import subprocess
import sys

import pytest

from services.agent.__main__ import settings
from services.core.errors import LabError
from services.core.profile import PROFILES
from services.pull.api import make_admin_app
from services.store import Store
from tests.fakes import FakeNode
from tests.serving import ROOT, Client, serving, unused_port

UNIT = {"LAB_API": "10.77.0.10:8081", "LAB_PROFILE": "seed", "STATE_DIRECTORY": "/var/lib/x"}
# Each would be imported in every pass of every node, for something that a line does as well.
# In instructions of a whole pass: http.client +75 %, dataclasses +38 %, the others 8 to 14 %.
TOO_DEAR = {
    "argparse", "asyncio", "dataclasses", "datetime", "email", "hashlib", "http", "inspect",
    "ipaddress", "logging", "pathlib", "random", "shutil", "signal", "ssl", "subprocess",
    "tempfile", "threading", "traceback", "urllib",
}  # fmt: skip


@pytest.fixture
def node(tmp_path):
    return FakeNode(tmp_path / "node")


@pytest.fixture
def run(node, tmp_path):
    """run(address) -> one finished pass on `node`."""

    def run(address):
        (tmp_path / "state").mkdir(exist_ok=True)
        command = [sys.executable, "-S", "-E", "-m", "services.agent", "--node", "node1"]
        command += ["--api", f"{address[0]}:{address[1]}", "--state", str(tmp_path / "state")]
        command += ["--root", str(node.root), "--systemctl", str(node.systemctl)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    return run


def test_passes_against_a_real_server_and_without_one(run, node, tmp_path):
    (tmp_path / "data").mkdir()
    store = Store(tmp_path / "data", lease_s=60)
    with serving(make_admin_app(store)) as (address,):
        client = Client(address)
        client("POST", "/api/containers", json={"name": "nginx", "node": "node1"})
        first = run(address)
        assert first.stdout.splitlines() == [
            "RECONCILIATION: 0 to stop, 1 to start",
            "START nginx: assigned here but not running",
        ]
        assert (first.returncode, first.stderr) == (0, "")
        # Reported after the start, not with the next pass.
        assert client("GET", "/api/containers").json()["containers"][0]["running"] is True
        assert run(address).stdout == "converged (1 container)\n"
        client.close()
    node.start_by_hand("fake")
    away = run(address)
    assert away.returncode == 0
    assert away.stdout.startswith("API unreachable, using local state from ")
    assert away.stdout.splitlines()[1:] == [
        "RECONCILIATION: 1 to stop, 0 to start",
        "STOP fake: not assigned here",
    ]


def test_a_node_that_knows_nothing_and_reaches_nobody_does_nothing_and_is_no_failure(run, node):
    node.start_by_hand("a")
    ended = run(("127.0.0.1", unused_port()))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "API unreachable, no local state: leaving everything as it is\n"
    assert len(node.calls()) == 1


def test_a_systemd_that_refuses_is_exit_code_1_and_the_next_pass_tries_again(run, node, tmp_path):
    (tmp_path / "data").mkdir()
    store = Store(tmp_path / "data", lease_s=60)
    with serving(make_admin_app(store)) as (address,):
        client = Client(address)
        client("POST", "/api/containers", json={"name": "a", "node": "node1"})
        client.close()
        node.refuse()
        refused = run(address)
        assert refused.returncode == 1
        assert "hint:" in refused.stderr
        assert "Traceback" not in refused.stderr
        (node.root / "refuse").unlink()
        assert run(address).returncode == 0
    assert node.cgroup("a").exists()


def test_a_pass_imports_only_what_it_needs():
    code = "import sys, services.agent.__main__; print(*sys.modules)"
    command = [sys.executable, "-S", "-E", "-c", code]
    modules = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not TOO_DEAR & {name.partition(".")[0] for name in modules.split()}


def test_the_unit_sets_everything():
    options = settings([], UNIT)
    assert (options.api, options.state, options.timeout_s) == (
        ("10.77.0.10", 8081),
        "/var/lib/x",
        4,
    )


def test_a_profile_that_nobody_named_is_the_seeds():
    untold = {key: value for key, value in UNIT.items() if key != "LAB_PROFILE"}
    assert settings([], untold).timeout_s == PROFILES["seed"].agent_timeout_s


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        pytest.param([], {}, id="no state directory"),
        pytest.param([], UNIT | {"LAB_API": "10.77.0.10"}, id="no port"),
        pytest.param([], UNIT | {"LAB_PROFILE": "warp"}, id="an unknown profile"),
        pytest.param(["--node", "a b"], UNIT, id="a node that is no label"),
        pytest.param(["--shell", "sh"], UNIT, id="an unknown option"),
        pytest.param(["--node"], UNIT, id="an option without its value"),
    ],
)
def test_settings_that_are_wrong_are_told_with_a_hint(arguments, environment):
    with pytest.raises(LabError) as caught:
        settings(arguments, environment)
    assert caught.value.hint
