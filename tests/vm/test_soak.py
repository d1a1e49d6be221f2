"""An `up` that is killed, and what the next commands find and do away with; a cycle of the soak."""

import json
import signal
import subprocess
import time

import pytest

from lab.host.virsh import domains, virsh
from lab.machines import power
from lab.machines.boxes import POOL
from tests.vm.conftest import LAB, ROOT, run

pytestmark = pytest.mark.vm


def test_a_lab_comes_up_cold_after_a_killed_one_and_down_leaves_nothing(stage, lab):
    run(*LAB, "down")
    up = [*LAB, "up", "both", "--cold"]
    with subprocess.Popen(up, cwd=ROOT, stderr=subprocess.PIPE, text=True) as killed:
        assert killed.stderr is not None
        for line in killed.stderr:
            if "create api" in line:
                stage.wait(lambda: domains(f"{lab.lab}_"), "a machine is there")
                killed.send_signal(signal.SIGKILL)
                break
    time.sleep(1)  # Vagrant ends with it
    virsh("vol-create-as", POOL, f"{lab.lab}_node9.img", "1M")
    try:
        said = run(*LAB, "soak", "--cycles", "1", "--load", "1", "--json", timeout_s=1200)
        (cycle,) = json.loads(said.stdout)["cycles"]
        assert (cycle["error"], cycle["remains"]) == ("", [])
        assert {"boot", "answer", "down"} <= cycle["seconds"].keys()
    finally:
        run(*LAB, "up", "both")
    assert f"{lab.lab}_node9.img" not in virsh("vol-list", POOL)
    assert set(power.machine_states(lab).values()) == {"running"}
