"""The agent as its unit runs it: a process of the standard library's, for one pass."""

import os
import subprocess
import sys
import time

import pytest

from services.agent.__main__ import settings
from services.core.errors import LabError
from services.core.model import STOP, Assignment, Container
from services.core.profiles import PROFILES
from tests.agent.server import A, StateServer
from tests.fakes import FakeNode
from tests.serving import ROOT, unused_port
from tests.waiting import wait_for

UNIT = {
    "LAB_API": "10.77.0.10:8081",
    "LAB_PROFILE": "seed",
    "STATE_DIRECTORY": "/var/lib/x",
    "RUNTIME_DIRECTORY": "/run/lab/units/pull:/run/lab-agent",
}
# Each would be imported in every pass of every node, for something that a line does as well.
# In instructions of a whole pass: http.client +75 %, dataclasses +38 %, the others 8 to 14 %.
TOO_DEAR = {
    "argparse", "asyncio", "dataclasses", "datetime", "email", "hashlib", "http", "inspect",
    "ipaddress", "logging", "pathlib", "random", "selectors", "shutil", "signal", "socket", "ssl",
    "subprocess", "tempfile", "threading", "traceback", "urllib",
}  # fmt: skip


@pytest.fixture
def node(tmp_path):
    return FakeNode(tmp_path / "node")


class Pass(subprocess.Popen[str]):
    """A pass that has begun; it prints to the file `said`."""

    def __init__(self, command, said, environment):
        self._said = said
        with said.open("w", encoding="utf-8") as output:
            super().__init__(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.PIPE, text=True
            )

    def lines(self):
        return self._said.read_text().splitlines()


@pytest.fixture
def start(node, tmp_path):
    """start(address, profile, *arguments) -> a Pass on `node`."""
    started: list[Pass] = []

    def start(address, profile="seed", *arguments):
        (tmp_path / "state").mkdir(exist_ok=True)
        command = [sys.executable, "-S", "-E", "-m", "services.agent", *arguments]
        command += ["--node", "node1", "--api", f"{address[0]}:{address[1]}"]
        command += ["--state", str(tmp_path / "state"), "--root", str(node.root)]
        command += ["--systemctl", str(node.systemctl)]
        environment = {"PATH": os.environ["PATH"], "LAB_PROFILE": profile}
        environment["LAB_TOKEN_FILE"] = str(tmp_path / "token")
        started.append(Pass(command, tmp_path / f"said{len(started)}", environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


class Ended:
    """What a pass came to."""

    def __init__(self, process):
        _, self.stderr = process.communicate(timeout=60)
        self.returncode = process.returncode
        self.lines = process.lines()


@pytest.fixture
def run(start):
    """run(address, …) -> one finished pass on `node`."""
    return lambda *arguments: Ended(start(*arguments))


@pytest.fixture
def server():
    return StateServer()


def test_passes_against_a_server_and_without_one(run, node, server):
    with server.serving() as address:
        first = run(address)
        assert first.lines == [
            "RECONCILIATION: 0 to stop, 1 to start",
            "START a: assigned here but not running",
        ]
        assert (first.returncode, first.stderr) == (0, "")
        # Reported after the start, not with the next pass.
        running = [{"name": "a", "image": "demo", "ready": True, "created": 0}]
        assert server.reports()[-1]["running"] == running
        assert run(address).lines == ["converged (1 container)"]
    # The seed's way: nothing but heartbeats, one a pass and one more after it changed something.
    assert len(server.requests) == len(server.reports()) == 3
    node.start_by_hand("fake")
    away = run(address)
    assert away.returncode == 0
    assert away.lines[0].startswith("API unreachable, using local state from ")
    assert away.lines[1:] == [
        "RECONCILIATION: 1 to stop, 0 to start",
        "STOP fake: not assigned here",
    ]


def test_a_pass_of_fast_follows_what_changes_until_its_time_is_over(start, node, server):
    with server.serving() as address:
        began_s = time.monotonic()
        watching = start(address, "fast")
        wait_for(lambda: node.cgroup("a").exists(), "a to run", timeout_s=8)
        wait_for(lambda: "If-None-Match" in server.headers[-1], "a watch", timeout_s=8)
        server.assign(Assignment("e", 6, (Container("b"),), 3.0))
        wait_for(lambda: node.cgroup("b").exists(), "b to run", timeout_s=8)
        node.start_by_hand("fake")
        wait_for(lambda: not node.cgroup("fake").exists(), "fake to stop", timeout_s=8)
        wait_for(
            lambda: [item["name"] for item in server.reports()[-1]["running"]] == ["b"],
            "the report of it",
            timeout_s=8,
        )
        assert server.reports()[-1]["revision"] == 6
        assert watching.poll() is None
        ended = Ended(watching)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "STOP fake: not assigned here" in ended.lines
    assert ended.lines[-1] == "converged (1 container)"
    assert 10 <= time.monotonic() - began_s < 20
    # Held, not asked again and again: a slice a second, and what was new.
    assert len(server.asked("desired")) <= 10 + 5


def test_a_pass_of_fast_goes_through_an_outage_and_stops_what_must_not_run_twice(
    start, node, server
):
    safe = Container("safe", on_disconnect=STOP)
    server.assignment = A._replace(containers=(Container("a"), safe), lease_s=1.5)
    port = unused_port()
    with server.serving(port) as address:
        watching = start(address, "fast")
        wait_for(lambda: node.cgroup("safe").exists(), "safe to run", timeout_s=8)
        wait_for(lambda: "If-None-Match" in server.headers[-1], "a watch", timeout_s=8)
    wait_for(lambda: not node.cgroup("safe").exists(), "safe to stop", timeout_s=8)
    assert node.cgroup("a").exists()
    with server.serving(port):
        wait_for(lambda: node.cgroup("safe").exists(), "safe to run again", timeout_s=8)
        wait_for(
            lambda: "API is back, re-synchronised at revision 5" in watching.lines(),
            "the end of the outage",
            timeout_s=8,
        )
        watching.terminate()
        watching.wait(10)
    (stop,) = [line for line in watching.lines() if line.startswith("STOP safe")]
    assert stop.startswith("STOP safe: cut off for 1.")
    assert stop.endswith(" s, lease 1.5 s, on_disconnect stop")


def test_a_goodbye_remembers_nothing_and_touches_nothing(run, node, server):
    server.leaving = [(["a"], [])]
    with server.serving() as address:
        ended = run(address, "fast", "--leaving")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.lines == ["leaving: a run elsewhere"]
    assert node.calls() == []


def test_a_node_that_knows_nothing_and_reaches_nobody_does_nothing_and_is_no_failure(run, node):
    node.start_by_hand("a")
    ended = run(("127.0.0.1", unused_port()))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.lines == ["API unreachable, no local state: leaving everything as it is"]
    assert len(node.calls()) == 1


def test_a_systemd_that_refuses_is_exit_code_1_and_the_next_pass_tries_again(run, node, server):
    with server.serving() as address:
        node.refuse()
        refused = run(address)
        assert refused.returncode == 1
        assert any(line.startswith("hint: ") for line in refused.lines)
        assert "Traceback" not in refused.stderr
        (node.root / "refuse").unlink()
        assert run(address).returncode == 0
    assert node.cgroup("a").exists()


def test_a_pass_imports_only_what_it_needs():
    code = "import sys, services.agent.__main__, services.agent.longpoll; print(*sys.modules)"
    command = [sys.executable, "-S", "-E", "-c", code]
    modules = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not TOO_DEAR & {name.partition(".")[0] for name in modules.split()}


def test_the_unit_sets_everything():
    options = settings([], UNIT)
    assert options.api == ("10.77.0.10", 8081)
    assert (options.state, options.run) == ("/var/lib/x", "/run/lab-agent")
    assert options.token_path == "/etc/lab/token"
    assert options.timings == PROFILES["seed"]
    assert len(options.boot) == 36


def test_without_a_runtime_directory_the_lease_is_kept_beside_the_assignment():
    assert settings([], UNIT | {"RUNTIME_DIRECTORY": "/run/lab/units/pull"}).run == "/var/lib/x"


def test_a_goodbye_needs_no_state_directory():
    bare = {"LAB_API": "10.77.0.10:8081"}
    assert settings([], bare, leaves=True).state == ""


def test_a_profile_that_nobody_named_is_the_seeds():
    untold = {key: value for key, value in UNIT.items() if key != "LAB_PROFILE"}
    assert settings([], untold).timings == PROFILES["seed"]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        pytest.param([], {}, id="no state directory"),
        pytest.param([], UNIT | {"LAB_API": "10.77.0.10"}, id="no port"),
        pytest.param([], UNIT | {"LAB_PROFILE": "warp"}, id="an unknown profile"),
        pytest.param(["--node", "a b"], UNIT, id="a node that is no label"),
        pytest.param(["--shell", "sh"], UNIT, id="an unknown option"),
        pytest.param(["--node"], UNIT, id="an option without its value"),
        pytest.param(["--node", "a", "--leaving"], UNIT, id="a goodbye that comes last"),
    ],
)
def test_settings_that_are_wrong_are_told_with_a_hint(arguments, environment):
    with pytest.raises(LabError) as caught:
        settings(arguments, environment)
    assert caught.value.hint
