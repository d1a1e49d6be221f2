"""One `vagrant` command: its log, its time limit, and that it does not outlive us."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.machines.command import vagrant
from provisioning.run import ToolFailed
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """A `vagrant` that writes its process id, says something, and does what it is told."""

    def make(then):
        file = tmp_path / "vagrant"
        file.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\necho said $*\n{then}\n")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return tmp_path / "log"

    return make


def test_a_command_that_fails_ends_with_the_end_of_its_log(tool):
    log = tool("exit 3")
    with pytest.raises(ToolFailed, match="said up api") as raised:
        vagrant(["up", "api"], timeout_s=30, log=log)
    assert raised.value.code == 3
    assert str(log) in raised.value.hint


def test_a_command_that_takes_too_long_is_ended(tool, tmp_path):
    log = tool("exec sleep 60")
    with pytest.raises(ToolFailed) as raised:
        vagrant(["up"], timeout_s=0.3, log=log)
    assert raised.value.code == 124


def test_a_command_ends_with_whoever_is_killed_while_it_runs(tool, tmp_path):
    log = tool("exec sleep 60")
    text = "import sys; from pathlib import Path; from lab.machines.command import vagrant; "
    text += f"vagrant(['up'], timeout_s=60, log=Path({str(log)!r}))"
    with subprocess.Popen([sys.executable, "-c", text], cwd=ROOT) as lab:
        wait_for((tmp_path / "pid").exists, "it runs", timeout_s=30)
        wait_for(lambda: (tmp_path / "pid").read_text(), "it says who it is", timeout_s=30)
        pid = int((tmp_path / "pid").read_text())
        lab.send_signal(signal.SIGKILL)
    wait_for(lambda: _ended(pid), "it ended too", timeout_s=30)


def _ended(pid):
    time.sleep(0.05)
    try:
        # Nobody reaps orphans in some containers.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
