"""What no fault does: act without an effect, or undo more than it did."""

import os
import subprocess

import pytest

from lab.faults import state
from lab.faults.catalogue import find
from lab.faults.plan import complete
from provisioning import topology
from services.core.errors import LabError

LAB = topology.load()


@pytest.mark.parametrize(("copy", "left"), [("", "whole"), ("before", "before")])
def test_a_copy_that_a_full_disk_left_empty_is_not_put_back(tmp_path, copy, left):
    file = tmp_path / "state-00000001"
    file.write_text("whole")
    (tmp_path / f"{file.name}{state.COPY}").write_text(copy)
    script = state.untorn().replace(state.DATA, str(tmp_path))
    # The server cannot start: there is no room.
    subprocess.run(["sh", "-c", script.replace("systemctl start", "false")], check=False)
    assert file.read_text() == left


@pytest.mark.parametrize(
    ("fault", "options", "said"),
    [
        ("slow-network", {"delay": "0ms"}, "not slow"),
        ("slow-network", {"delay": "20ms", "jitter": "30ms"}, "not slow"),
        ("stop-unit", {"unit": "pull-agent.service"}, "begun again"),
        ("stop-unit", {"unit": "push-container@web.service"}, "is a container"),
        ("stop-unit", {"unit": "sshd.service"}, "left alone"),
        ("stop-unit", {"unit": "lab-fault-flap.service"}, "left alone"),
    ],
)
def test_what_would_have_no_effect_or_cannot_be_undone_is_refused(fault, options, said):
    found = find(fault)
    with pytest.raises(LabError, match=said):
        found.plan(LAB, LAB.node("node1"), complete(found, options))


@pytest.mark.parametrize(
    ("states", "stopped"),
    [
        ("inactive", True),
        ("failed\ninactive", True),
        ("activating", False),
        ("deactivating", False),
        ("inactive\nactive", False),
    ],
)
def test_a_unit_is_stopped_when_it_has_ended_and_nothing_starts_it(tmp_path, states, stopped):
    systemctl = tmp_path / "systemctl"
    # As the real one: 0 where one is active, else 3.
    systemctl.write_text(
        f"#!/bin/sh\necho '{states}'\n! echo '{states}' | grep -qx active && exit 3\n"
    )
    systemctl.chmod(0o755)
    fault, node = find("stop-unit"), LAB.machine("node1")
    (command,) = fault.plan(LAB, node, {"unit": "pull-agent.timer"}).bites
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["sh", "-c", command.text], check=False, env={"PATH": path})
    assert (done.returncode == 0) is stopped
