"""What no fault does: act without an effect, or undo more than it did."""

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
