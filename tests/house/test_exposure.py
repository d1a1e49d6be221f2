"""How exposed our services are: `systemd-analyze security` of each, and it does not get worse.

Needs no systemd that runs; tests/vm asks those of the machines for the same.
"""

import subprocess

import pytest

from provisioning.guest import setup, tree
from services.core.profiles import profile
from tests.house.test_units import GOODBYE, LAB, SERVICES, needs_systemd, unit_path

# Unit -> the highest exposure that `systemd-analyze security` may find, of systemd 252 to 257.
# Lower it whenever a unit gets better. Agent and goodbye are root's, as they start and stop units.
EXPOSURE = {
    "pull-agent.service": 6.5,
    GOODBYE: 6.5,
    "pull-api.service": 1.2,
    "pull-node-controller.service": 5.0,
    "pull-scheduler.service": 5.0,
    "push-api.service": 1.2,
    "pull-door.service": 1.2,
    "push-door.service": 1.2,
    "pull-container@.service": 2.7,
    "push-container@.service": 2.7,
    # Debian's own daemons, a root shell, what runs once, and what turns the machine off.
    "lab-clock-api.service": 9.6,
    "lab-clock-node.service": 9.6,
    "lab-first.service": 9.6,
    "lab-powerbtn.service": 9.6,
    # Root's, as it serves on a port that no container can take; it may do nothing else.
    "lab-recorder.service": 6.4,
    "ssh.service": 9.6,
}


@needs_systemd
@pytest.mark.parametrize("service", SERVICES)
def test_service_is_no_more_exposed_than_it_was(service, tmp_path):
    setup.apply(tmp_path, LAB, profile("fast"))
    path = tmp_path / tree.UNITS / service
    argv = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    argv += [f"--threshold={10 * EXPOSURE[service]:.0f}", str(path).replace("@.", "@web.")]
    done = subprocess.run(argv, env=unit_path(path), capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    print(lines[-1])
    assert done.returncode == 0, "\n".join(line for line in lines if "✗" in line)
    assert "Overall exposure level" in lines[-1]
